"""The trained models of accuracy.py: what calibrates each, and how it is judged.

Nothing that a model is judged on calibrates it: an experiment is the file of
samples that `prune` is given and what judges the outcome. Of models that are
judged on images or sounds of their own training data there are several, so that
each is once left out. Needs torch.
"""

import gzip
import json
import pathlib
import wave

import torch
import torch.nn.functional as F

# What is drawn: samples, splits, tokens.
SEED = 0


class Experiment:
    """Samples in a file, and `judge(module)`: a sum of scores and its count."""

    def __init__(self, samples, judge):
        self.samples = samples
        self.judge = judge


class Model:
    """A trained model; `prepare` makes its file and experiments in a folder.

    `asked`: by level, what is to be reached. `options`: of `coppice prune`.
    """

    name = ""
    title = ""  # What the row says; with what is judged, if it is no accuracy.
    how = ""
    asked = {}
    options = []
    has_norms = False

    def __init__(self, data, folder):
        self.data = data
        self.folder = folder
        self.file = None
        self.experiments = []
        torch.manual_seed(SEED)
        self.prepare()

    def save(self, name, samples):
        path = self.folder / name
        torch.save(samples, path)
        return path

    def load(self, path):
        return torch.jit.load(str(path)).eval()

    def score(self, files):
        """The mean over all experiments; a file for each."""
        sums = torch.zeros(2, dtype=torch.double)
        with torch.no_grad():
            for experiment, path in zip(self.experiments, files):
                sums += torch.tensor(experiment.judge(self.load(path)))
        return (sums[0] / sums[1]).item()

    def dense(self):
        return self.score([self.file] * len(self.experiments))


def idx(path):
    """A file of MNIST as a tensor of bytes."""
    raw = gzip.open(path).read()
    dims = [
        int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])
    ]
    return torch.frombuffer(
        bytearray(raw[4 + 4 * len(dims) :]), dtype=torch.uint8
    ).reshape(dims)


def right(module, x, labels):
    """How many of the largest outputs are the label, and of how many."""
    found = torch.cat([module(part).argmax(1) for part in x.split(500)])
    return (found == labels).sum().item(), len(labels)


class Mnist(Model):
    # The program holds an eighth back: 1024 calibrate.
    samples = 1170
    draws = 3
    how = (
        "1170 training images, of which 1024 calibrate; judged on the 10,000 "
        "test images; the mean of three draws"
    )

    def images(self, which):
        folder = self.data / "datasets/mnist"
        x = idx(folder / f"{which}-images-idx3-ubyte.gz").float() / 255
        return self.shaped(x), idx(folder / f"{which}-labels-idx1-ubyte.gz")

    def prepare(self):
        self.make_file()
        x, _ = self.images("train")
        test, labels = self.images("t10k")
        for i in range(self.draws):
            drawn = torch.randperm(len(x))[: self.samples]
            self.experiments.append(
                Experiment(
                    self.save(f"samples{i}.pt", x[drawn].clone()),
                    lambda module: right(module, test, labels),
                )
            )


class Mlp(Mnist):
    name = title = "MLP"
    asked = {0.8: 0.962, 0.9: 0.957, 0.95: 0.940}

    def make_file(self):
        self.file = self.data / "models/mnist_6_200_nat.ts.pt"

    def shaped(self, x):
        return x.flatten(1)


class LeNetModule(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convnet = torch.nn.ModuleDict(
            {
                "c1": torch.nn.Conv2d(1, 6, 5),
                "c3": torch.nn.Conv2d(6, 16, 5),
                "c5": torch.nn.Conv2d(16, 120, 5),
            }
        )
        self.fc = torch.nn.ModuleDict(
            {"f6": torch.nn.Linear(120, 84), "f7": torch.nn.Linear(84, 10)}
        )

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.convnet["c1"](x)), 2)
        x = F.max_pool2d(F.relu(self.convnet["c3"](x)), 2)
        x = F.relu(self.convnet["c5"](x)).flatten(1)
        return self.fc["f7"](F.relu(self.fc["f6"](x)))


class LeNet(Mnist):
    name = title = "LeNet-5"
    asked = {0.8: 0.989, 0.9: 0.984}

    def make_file(self):
        net = LeNetModule().eval()
        net.load_state_dict(
            torch.load(self.data / "models/lenet_mnist_99.pth", "cpu")
        )
        self.file = self.folder / "lenet.pt"
        torch.jit.trace(net, torch.rand(2, 1, 32, 32)).save(str(self.file))

    def shaped(self, x):
        return F.interpolate(
            x[:, None], (32, 32), mode="bilinear", align_corners=False
        )


class Llama(Model):
    name = "Llama 260K"
    title = "Llama 260K, nats a token"
    asked = {0.5: 2.30}
    # The program holds two of 18 back: 16 calibrate.
    samples = 18
    judged = 16
    tokens = 256
    options = ["--unbatched"]
    how = (
        "18 texts of 256 tokens that it wrote itself, of which 16 calibrate; "
        "judged on 16 others"
    )

    def text(self, module):
        tokens = torch.tensor([1])
        while len(tokens) < self.tokens:
            after = torch.multinomial(module(tokens)[-1].softmax(-1), 1)
            tokens = torch.cat([tokens, after])
        return tokens

    def prepare(self):
        self.file = self.data / "models/stories260K.ts.pt"
        module = self.load(self.file)
        with torch.no_grad():
            texts = [
                self.text(module) for _ in range(self.samples + self.judged)
            ]
        self.experiments = [
            Experiment(
                self.save("samples.pt", torch.stack(texts[: self.samples])),
                lambda module: self.judge(module, texts[self.samples :]),
            )
        ]

    @staticmethod
    def judge(module, texts):
        nats = sum(
            F.cross_entropy(module(text[:-1]), text[1:], reduction="sum").item()
            for text in texts
        )
        return nats, sum(len(text) - 1 for text in texts)


class Silero(Model):
    name = "silero VAD"
    title = "silero VAD, same decisions"
    asked = {0.8: 0.985, 0.9: 0.98}
    frame = 512
    rate = 16000
    options = ["--unbatched"]
    how = (
        "half of 12 s of speech (187 frames of 32 ms); judged on the other "
        "half, and the other way round: the share of frames that are decided "
        "as by the dense model"
    )

    def speech(self):
        path = self.data / "datasets/audio/vad_speech_12s_16k.wav"
        with wave.open(str(path)) as file:
            raw = bytearray(file.readframes(file.getnframes()))
        x = torch.frombuffer(raw, dtype=torch.int16) / 32768
        return x[: len(x) // self.frame * self.frame].reshape(-1, 1, self.frame)

    def decisions(self, module, x):
        """Frame after frame, as the model remembers those before."""
        return torch.stack([module(each, self.rate) for each in x]) > 0.5

    def prepare(self):
        self.file = self.data / "models/silero_vad.jit"
        halves = self.speech().chunk(2)
        for i, half in enumerate(halves):
            samples = {"x": half.clone(), "sr": torch.tensor(self.rate)}
            self.experiments.append(
                Experiment(
                    self.save(f"samples{i}.pt", samples),
                    lambda module, other=halves[1 - i]: self.judge(
                        module, other
                    ),
                )
            )

    def judge(self, module, x):
        same = self.decisions(self.load(self.file), x) == self.decisions(
            module, x
        )
        return same.sum().item(), same.numel()


def safetensors(path):
    """The only tensor of a file, float32 or int64."""
    raw = bytearray(path.read_bytes())
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(bytes(raw[8 : 8 + length]))
    header.pop("__metadata__", None)
    (entry,) = header.values()
    dtype = {"F32": torch.float32, "I64": torch.int64}[entry["dtype"]]
    return torch.frombuffer(raw[8 + length :], dtype=dtype).reshape(
        entry["shape"]
    )


class ResNet20(Model):
    name = title = "ResNet-20"
    # On 2000 JPEG test images that are not here; dense .814 there.
    asked = {0.5: None, 0.7: None, 0.8: 0.761, 0.9: 0.670}
    has_norms = True
    how = (
        "half of train512 (256 images, of which 224 calibrate); judged on the "
        "other half, and the other way round"
    )

    def prepare(self):
        self.file = self.data / "models/resnet20_cifar10.ts.pt"
        folder = self.data / "datasets/cifar10"
        x = safetensors(folder / "train512_input.safetensors")
        labels = safetensors(folder / "train512_label.safetensors")
        halves = torch.randperm(len(x)).chunk(2)
        for i, half in enumerate(halves):
            self.experiments.append(
                Experiment(
                    self.save(f"samples{i}.pt", x[half].clone()),
                    lambda module, other=halves[1 - i]: right(
                        module, x[other], labels[other]
                    ),
                )
            )


MODELS = {
    "mlp": Mlp,
    "lenet": LeNet,
    "llama": Llama,
    "silero": Silero,
    "resnet20": ResNet20,
}
