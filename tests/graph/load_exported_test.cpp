#include "coppice/graph/load_exported.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "coppice/archive/file_error.h"
#include "coppice/model/torch_tensors.h"
#include "graph/exported_op_name.h"
#include "graph/run_error.h"
#include "io/torch_file.h"
#include "support/exported_bytes.h"
#include "support/file_errors.h"
#include "support/temporary_folder.h"

namespace coppice::load_exported_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::node_json;

constexpr const char* kProgram = "net/models/model.json";

std::string path_of(const std::string& name) {
  return COPPICE_TESTS "/data/pt2/" + name + ".pt2";
}

/// The tensors `in0`, `in1`, ... of a recorded run.
std::vector<torch::Tensor> recorded(
    const PickleValue& run,
    const std::string& begin) {
  std::vector<torch::Tensor> tensors;
  const auto* dict = run.get_if<PickleDict>();
  while (const auto* found = dict == nullptr
             ? nullptr
             : dict->find(begin + std::to_string(tensors.size()))) {
    tensors.push_back(as_tensor(found->get_if<PickleTensor>()->tensor).clone());
  }
  return tensors;
}

void add_flat(const c10::IValue& value, std::vector<torch::Tensor>& tensors) {
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
  } else if (value.isList()) {
    for (const c10::IValue& item : value.toListRef()) {
      add_flat(item, tensors);
    }
  } else if (value.isTuple()) {
    for (const auto& item : value.toTupleRef().elements()) {
      add_flat(item, tensors);
    }
  } else {
    ASSERT_TRUE(value.isGenericDict());
    for (const auto& entry : value.toGenericDict()) {
      add_flat(entry.value(), tensors);
    }
  }
}

void expect_run(
    torch::jit::Module& module,
    const std::vector<torch::Tensor>& inputs,
    const std::vector<torch::Tensor>& outputs) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> results;
  add_flat(module.forward({inputs.begin(), inputs.end()}), results);
  ASSERT_EQ(results.size(), outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_TRUE(torch::allclose(results[i], outputs[i], 1e-5, 1e-5)) << i;
  }
}

TEST(LoadExported, RunsWhatPyTorchExported) {
  const TemporaryFolder folder;
  for (const std::string model :
       {"branch", "conv", "counter", "dicts", "encoder", "residual", "tied"}) {
    for (const std::string version : {"_2.6", "_2.14"}) {
      SCOPED_TRACE(model + version);
      const auto run = read_torch_file(
          COPPICE_TESTS "/data/pt2/" + model + version + "_io.pt");
      auto module = load_exported(path_of(model + version));
      // As it is, and as TorchScript saves it.
      module.save(folder.file("saved.pt"));
      auto saved = torch::jit::load(folder.file("saved.pt"));
      for (auto* each : {&module, &saved}) {
        expect_run(
            *each, recorded(run.value, "in"), recorded(run.value, "out"));
        const auto more = recorded(run.value, "more_in");
        if (!more.empty()) {
          expect_run(*each, more, recorded(run.value, "more_out"));
        }
      }
    }
  }
}

TEST(LoadExported, KeepsNamesAndWhatIsTied) {
  for (const std::string version : {"_2.6", "_2.14"}) {
    const auto encoder = load_exported(path_of("encoder" + version));
    EXPECT_EQ(
        encoder.attr("l")
            .toModule()
            .attr("self_attn")
            .toModule()
            .attr("in_proj_weight")
            .toTensor()
            .dim(),
        2);
    const auto conv = load_exported(path_of("conv" + version));
    EXPECT_EQ(conv.named_parameters().size(), 8);
    EXPECT_EQ(conv.named_buffers().size(), 3);
    const auto tied = load_exported(path_of("tied" + version));
    EXPECT_TRUE(tied.attr("e").toModule().attr("weight").toTensor().is_same(
        tied.attr("o").toModule().attr("weight").toTensor()));
  }
}

TEST(LoadExported, Trains) {
  auto module = load_exported(path_of("conv_2.14"));
  module.forward({torch::randn({2, 3, 16, 16})}).toTensor().sum().backward();
  for (const auto& parameter : module.parameters()) {
    EXPECT_TRUE(parameter.grad().defined());
  }
}

TEST(LoadExported, ChangesBuffersAsTheProgramDoes) {
  for (const std::string version : {"_2.6", "_2.14"}) {
    auto module = load_exported(path_of("counter" + version));
    const auto before = module.attr("n").toTensor().clone();
    module.forward({torch::ones({2, 4})});
    module.forward({torch::ones({2, 4})});
    EXPECT_FALSE(module.attr("n").toTensor().equal(before));
  }
}

std::string complaint_of(torch::jit::Module& module, torch::Tensor input) {
  try {
    module.forward({std::move(input)});
  } catch (const std::exception& error) {
    return graph::run_error(error);
  }
  return "nothing was thrown";
}

TEST(LoadExported, RefusesSizesThatItWasNotExportedFor) {
  auto module = load_exported(path_of("conv_2.14"));
  EXPECT_THAT(
      complaint_of(module, torch::zeros({600, 3, 16, 16})),
      HasSubstr("dimension 0 of the input `x` has size 600, and must have 1 to "
                "512"));
  EXPECT_THAT(
      complaint_of(module, torch::zeros({2, 3, 8, 16})),
      HasSubstr("dimension 2 of the input `x` has size 8, and the program was "
                "exported for 16"));
}

/// The sentence with which a program of these nodes is refused.
std::string refusal_of(const std::string& nodes) {
  const TemporaryFolder folder;
  auto file = testing::newer_exported();
  file.entry(kProgram) = testing::program_json(nodes);
  const auto path = folder.write("net.pt2", file.bytes());
  return testing::sentence_of<FileError>([&] { load_exported(path); });
}

TEST(LoadExported, NamesTheOpThatIsNotThere) {
  EXPECT_THAT(
      refusal_of(node_json("of_the_future.default", {{"self", "x"}}, "add")),
      AllOf(HasSubstr("aten::of_the_future"), HasSubstr("lacks")));
  const auto mine = [](std::string text) {
    const auto at = text.find("torch.ops.aten");
    return text.replace(at, 14, "torch.ops.mine");
  };
  EXPECT_THAT(
      refusal_of(mine(node_json("op.default", {{"self", "x"}}, "add"))),
      AllOf(HasSubstr("mine::op"), HasSubstr("library")));
  EXPECT_THAT(
      refusal_of(
          node_json("relu.default", {{"self", "x"}, {"new_one", "x"}}, "add")),
      AllOf(HasSubstr("aten::relu"), HasSubstr("new_one")));
  EXPECT_THAT(
      refusal_of(node_json("relu.default", {{"self", "y"}}, "add")),
      HasSubstr("uses `y`, which nothing gives"));
}

TEST(LoadExported, TakesOneOfSeveralModelsByName) {
  const TemporaryFolder folder;
  auto file = testing::newer_exported();
  for (const std::string kind : {"weights", "constants"}) {
    const auto config = "net/data/" + kind + "/model_" + kind + "_config.json";
    file.entries.emplace_back(
        "net/data/" + kind + "/small_" + kind + "_config.json",
        file.entry(config));
  }
  file.entries.emplace_back("net/models/small.json", file.entry(kProgram));
  const auto path = folder.write("net.pt2", file.bytes());
  EXPECT_THAT(
      testing::sentence_of<FileError>([&] { load_exported(path); }),
      HasSubstr("`model`, `small`"));
  EXPECT_THAT(
      testing::sentence_of<FileError>([&] { load_exported(path, "big"); }),
      HasSubstr("no model `big`"));
  auto module = load_exported(path, "small");
  const auto result = module.forward({torch::zeros({1, 4})}).toTensor();
  // fc.bias + k, which the file makes 100, 101, ... and 300, 301, ...
  EXPECT_EQ(result[0][1].item<float>(), 402);
}

TEST(LoadExported, RefusesOtherFiles) {
  const TemporaryFolder folder;
  EXPECT_THAT(
      testing::sentence_of<FileError>(
          [&] { load_exported(folder.write("a", "no archive at all")); }),
      HasSubstr("a"));
  EXPECT_THAT(
      testing::sentence_of<FileError>(
          [&] { load_exported(COPPICE_TESTS "/data/pt2/conv_2.6_io.pt"); }),
      HasSubstr("no archive of torch.export"));
}

} // namespace
} // namespace coppice::load_exported_test
