#include "graph/mapped_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <map>
#include <sstream>

#include "graph/named_tensors.h"
#include "support/temporary_folder.h"

namespace coppice::mapped_script_test {
namespace {

using ::testing::ElementsAreArray;
using torch::Tensor;

constexpr int64_t kSide = 200; // 160 kB in float32.

Tensor square() {
  return torch::randn({kSide, kSide});
}

/// Tensors in every place that a model has.
torch::jit::Module odd_net() {
  torch::manual_seed(1);
  torch::jit::Module inner("Inner");
  inner.register_parameter("half", square().to(torch::kHalf), false);
  inner.register_buffer(
      "counts", torch::arange(kSide * kSide).view({kSide, kSide}));
  torch::jit::Module net("Net");
  const auto both = torch::randn({2 * kSide, kSide});
  net.register_parameter("w", square().set_requires_grad(true), false);
  net.register_parameter("top", both.slice(0, 0, kSide), false);
  net.register_parameter("bottom", both.slice(0, kSide), false);
  net.register_parameter("turned", square().t(), false);
  net.register_parameter("bias", torch::randn({kSide}), false);
  net.register_buffer("number", torch::tensor(3));
  net.register_module("inner", inner);
  net.register_module("again", inner);
  net.register_attribute(
      "list",
      c10::ListType::ofTensors(),
      c10::List<Tensor>({square(), both, torch::ones({2})}));
  c10::Dict<std::string, Tensor> dictionary;
  dictionary.insert("x", square());
  net.register_attribute(
      "dictionary",
      c10::DictType::create(c10::StringType::get(), c10::TensorType::get()),
      dictionary);
  net.define(R"(
def forward(self, x):
  y = x @ self.w + self.bias + self.list[0] + self.dictionary["x"]
  y = y + self.top + self.bottom @ self.turned + self.number
  return y + self.inner.half.float() + self.again.counts

def spoil(self):
  self.w.zero_()
  self.list[0].zero_()
)");
  auto graph = net.get_method("forward").graph();
  auto* const end = graph->return_node();
  const torch::jit::WithInsertPoint before(end);
  auto* const constant = graph->insertConstant(square());
  end->replaceInput(
      0, graph->insert(c10::aten::add, {graph->outputs()[0], constant}));
  return net;
}

/// For each tensor the first that shares its memory.
std::vector<size_t> sharing(const std::vector<graph::NamedTensor>& tensors) {
  std::map<const void*, size_t> first;
  std::vector<size_t> all;
  for (size_t i = 0; i < tensors.size(); ++i) {
    all.push_back(
        first.emplace(tensors[i].tensor.storage().unsafeGetStorageImpl(), i)
            .first->second);
  }
  return all;
}

/// Whether an address lies in the mapping of a file.
bool lies_in(const std::string& path, const void* address) {
  std::ifstream maps("/proc/self/maps");
  const auto place = reinterpret_cast<uintptr_t>(address);
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char dash = 0;
    std::istringstream range(line);
    range >> std::hex >> begin >> dash >> end;
    if (begin <= place && place < end) {
      return line.find(path) != std::string::npos;
    }
  }
  return false;
}

class MappedScript : public ::testing::Test {
 protected:
  std::optional<torch::jit::Module> mapped() const {
    return graph::mapped_script(MappedFile::open(path_));
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("net.pt");
};

TEST_F(MappedScript, IsTheModelThatLibTorchLoads) {
  odd_net().save(path_);
  auto expected = torch::jit::load(path_);
  auto net = mapped();
  ASSERT_TRUE(net);
  const auto wanted = graph::named_tensors(expected);
  const auto got = graph::named_tensors(*net);
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const auto& a = got[i].tensor;
    const auto& b = wanted[i].tensor;
    EXPECT_EQ(got[i].name, wanted[i].name);
    EXPECT_EQ(got[i].kind, wanted[i].kind);
    EXPECT_EQ(a.scalar_type(), b.scalar_type());
    EXPECT_EQ(a.requires_grad(), b.requires_grad());
    EXPECT_EQ(a.strides(), b.strides()) << got[i].name;
    EXPECT_TRUE(a.equal(b)) << got[i].name;
    EXPECT_EQ(lies_in(path_, a.data_ptr()), a.storage().nbytes() >= (1 << 16))
        << got[i].name;
  }
  EXPECT_THAT(sharing(got), ElementsAreArray(sharing(wanted)));
  const auto x = square();
  EXPECT_TRUE(
      net->forward({x}).toTensor().equal(expected.forward({x}).toTensor()));
}

TEST_F(MappedScript, KeepsWhatTheModelWritesToItself) {
  odd_net().save(path_);
  const auto bytes = read_file(path_);
  auto net = mapped();
  ASSERT_TRUE(net);
  const torch::NoGradGuard no_grad;
  net->get_method("spoil")({});
  EXPECT_EQ(net->attr("w").toTensor().abs().sum().item<double>(), 0);
  EXPECT_NE(mapped()->attr("w").toTensor().abs().sum().item<double>(), 0);
  EXPECT_EQ(read_file(path_), bytes);
}

TEST_F(MappedScript, OutlivesItsFile) {
  odd_net().save(path_);
  const auto expected = torch::jit::load(path_).attr("w").toTensor();
  const auto net = mapped();
  std::filesystem::remove(path_);
  ASSERT_TRUE(net);
  EXPECT_TRUE(net->attr("w").toTensor().equal(expected));
}

TEST_F(MappedScript, SavesAsTheModelThatLibTorchLoads) {
  odd_net().save(path_);
  std::ostringstream expected;
  std::ostringstream got;
  torch::jit::load(path_).save(expected);
  mapped()->save(got);
  EXPECT_EQ(got.str(), expected.str());
}

TEST_F(MappedScript, IsNoneOfSmallTensorsAlone) {
  torch::jit::Module net("Net");
  net.register_parameter("w", torch::ones({4}), false);
  net.save(path_);
  EXPECT_FALSE(mapped());
}

TEST_F(MappedScript, IsNoneWhereLoadingRunsCode) {
  torch::jit::Module net("Net");
  net.register_parameter("w", square(), false);
  net.define(R"(
def __getstate__(self):
  return self.w

def __setstate__(self, state: Tensor):
  self.w = state * 2

def forward(self, x):
  return x
)");
  net.save(path_);
  EXPECT_FALSE(mapped());
}

TEST_F(MappedScript, IsNoneOfAnotherFile) {
  folder_.write("net.pt", "no archive");
  EXPECT_FALSE(mapped());
}

/// A copy in which no storage is where PyTorch would have it.
TEST_F(MappedScript, TakesArchivesThatAreNotAligned) {
  odd_net().save(path_);
  auto expected = torch::jit::load(path_);
  const auto bytes = read_file(path_);
  const int python =
      std::system(("python3 -c \"import sys, zipfile\n"
                   "old = zipfile.ZipFile('" +
                   path_ + "')\nnew = zipfile.ZipFile('" + path_ +
                   "x', 'w')\n"
                   "for one in old.infolist():\n"
                   "    new.writestr(one.filename, old.read(one))\n"
                   "new.close()\"")
                      .c_str());
  if (python != 0) {
    GTEST_SKIP() << "there is no Python to write the archive";
  }
  std::filesystem::rename(path_ + "x", path_);
  auto net = mapped();
  ASSERT_TRUE(net);
  const auto x = square();
  EXPECT_TRUE(
      net->forward({x}).toTensor().equal(expected.forward({x}).toTensor()));
}

} // namespace
} // namespace coppice::mapped_script_test
