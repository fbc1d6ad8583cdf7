#include "calibration/layer_survey.h"

#include <gtest/gtest.h>
#include <torch/script.h>

#include <sstream>

namespace coppice::layer_survey_test {
namespace {

using namespace coppice::calibration; // NOLINT(google-build-using-namespace)

TEST(LayerSurvey, HasOneSourceForLayersThatReadTheSame) {
  torch::jit::Module net("Net");
  for (const char* name : {"q", "k", "late"}) {
    net.register_parameter(name, torch::randn({4, 6}), false);
  }
  net.define(R"(
def forward(self, x):
  y = torch.linear(x, self.q) + torch.linear(x, self.k)
  x += 1
  return y + torch.linear(x, self.late)
)");
  std::stringstream file;
  net.save(file);
  const Samples samples(net, {torch::randn({8, 6})}, false);
  const auto survey = survey_layers(
      [&] {
        file.clear();
        file.seekg(0);
        return torch::jit::load(file);
      },
      {"q", "k", "late"},
      {true, false, false},
      samples,
      {0, 1, 2, 3},
      2);
  ASSERT_EQ(survey.sources.size(), 2U);
  EXPECT_EQ(survey.sources[0].parts.size(), 2U);
  EXPECT_EQ(survey.sources[0].kind, SecondMoments::Kind::Full);
  EXPECT_EQ(survey.sources[1].kind, SecondMoments::Kind::Diagonal);
}

} // namespace
} // namespace coppice::layer_survey_test
