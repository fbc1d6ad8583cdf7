#include "cli/demo_compile.h"

#include <coppice/graph/trace.h>
#include <coppice/io/output_file.h>
#include <coppice/report/table.h>
#include <fmt/format.h>

#include <filesystem>

#include "cli/compile_page.h"
#include "cli/disturbance.h"
#include "cli/script_file.h"

namespace coppice::cli {
namespace {

constexpr int64_t kLargeBatch = 64;

} // namespace

DemoCompiled compile_demo(
    DemoNet& net,
    const ImageSet& test,
    const std::string& path,
    double seconds) {
  net->eval();
  const auto images = to_input(test.images.slice(0, 0, kLargeBatch));
  const auto script = trace(net, images.slice(0, 0, 1));
  const Disturbance disturbance;
  // Measured anew: a demo shows what is, and leaves nothing elsewhere.
  auto model = compile(
      script,
      {images},
      CompileOptions()
          .batches({1, kLargeBatch})
          .seconds_per_layer(seconds)
          .cache(""));
  const bool is_disturbed = disturbance.is_found();
  warn_if(is_disturbed);
  save_script(model.module, path);
  auto loaded = load_script(path);
  const auto forward = [&](const torch::Tensor& x) {
    return loaded.forward({x}).toTensor();
  };
  return {
      path,
      accuracy(forward, test),
      static_cast<int64_t>(std::filesystem::file_size(path)),
      std::move(model),
      is_disturbed};
}

void write_demo_page(const DemoResult& result) {
  const auto percent = [](double share) {
    return to_text(share, CellFormat::kPercent);
  };
  PageSubject subject;
  subject.kind = "coppice demo";
  subject.title = std::filesystem::path(result.sparse.path).filename().string();
  subject.figures = {
      {percent(result.compiled.accuracy),
       "accuracy, compiled",
       fmt::format(
           "{} before, {} of the dense network",
           percent(result.sparse.accuracy),
           percent(result.dense.accuracy))}};
  subject.facts = {
      {"Model", result.sparse.path + ", pruned while it was trained"},
      {"Compiled", result.compiled.path},
      {"Data", result.source},
      {"Inputs", "images of the test set, 1x28x28"}};
  subject.is_disturbed = result.compiled.is_disturbed;
  subject.remembers = false;
  write_file(result.page, compile_page(subject, result.compiled.model));
}

} // namespace coppice::cli
