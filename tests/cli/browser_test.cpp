// The page of `--html` in a real browser, where Chromium is installed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <filesystem>
#include <map>

#include "cli/child.h"
#include "coppice/masks/weight_norm.h"
#include "support/png.h"
#include "support/script_models.h"

namespace coppice::cli::browser_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool has_chromium() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/chromium").c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

torch::Tensor blocks_16x1(torch::IntArrayRef shape) {
  const auto weight = torch::randn(shape);
  return weight * weight_norm_mask(weight, {0.9, {16, 1}, 16});
}

/// A screenshot, and statistics of its colors.
struct Look {
  testing::Png png;
  std::map<uint32_t, int> pixels; ///< Of each color.
};

class Browser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_chromium()) {
      GTEST_SKIP() << "chromium is not installed (script/bootstrap "
                      "--with-browser)";
    }
    torch::manual_seed(4);
    torch::jit::Module net("Net");
    net.register_module("fc1", testing::script_linear(blocks_16x1({512, 256})));
    net.register_module("fc2", testing::script_linear(torch::randn({8, 512})));
    net.define(
        "def forward(self, x):\n"
        "  return self.fc2.forward(torch.relu(self.fc1.forward(x)))\n");
    const auto model = folder_.file("net.pt");
    net.save(model);
    const auto outcome = run_coppice(
        {"bench",
         model,
         "--input",
         "4x256",
         "--no-cache",
         "--seconds",
         "0.05",
         "--html",
         page_});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }

  Outcome browse(std::vector<std::string> options) const {
    const std::vector<std::string> quiet{
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
        "--user-data-dir=" + folder_.file("profile")};
    options.insert(options.begin(), quiet.begin(), quiet.end());
    options.push_back("file://" + page_);
    return Child(options).wait();
  }

  Look look(const std::string& size, bool is_dark) const {
    const auto file = folder_.file("screenshot.png");
    const auto outcome = browse(
        {"--window-size=" + size,
         // 0 is dark, 1 is light.
         std::string("--blink-settings=preferredColorScheme=") +
             (is_dark ? "0" : "1"),
         "--screenshot=" + file});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    Look look{testing::decoded_png(read_file(file)), {}};
    for (uint32_t y = 0; y < look.png.height; ++y) {
      for (uint32_t x = 0; x < look.png.width; ++x) {
        ++look.pixels[look.png.rgb(x, y)];
      }
    }
    return look;
  }

  TemporaryFolder folder_;
  std::string page_ = folder_.file("page.html");
};

TEST_F(Browser, ReadsTheTable) {
  const auto outcome = browse({"--dump-dom"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("<tbody>"));
  EXPECT_THAT(outcome.out, HasSubstr(">fc1</td>"));
  EXPECT_THAT(outcome.out, HasSubstr(">512x256</td>"));
  EXPECT_THAT(outcome.out, HasSubstr("largest difference"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("Refused to")));
}

TEST_F(Browser, ShowsThePageLightAndDark) {
  for (const bool is_dark : {false, true}) {
    const auto shown = look("1280,2000", is_dark);
    EXPECT_EQ(shown.png.width, 1280U);
    EXPECT_EQ(shown.png.height, 2000U);
    const uint32_t paper = is_dark ? 0x121614 : 0xfafbf9;
    const uint32_t green = is_dark ? 0x4cbf86 : 0x2b8a57;
    EXPECT_EQ(shown.png.rgb(0, 0), paper);
    // Text has edges of many shades; bars are plain.
    EXPECT_GT(shown.pixels.size(), 100U);
    EXPECT_GT(shown.pixels.at(paper), 1280 * 2000 / 2);
    ASSERT_EQ(shown.pixels.count(green), 1U);
    EXPECT_GT(shown.pixels.at(green), 2000);
  }
}

TEST_F(Browser, ShowsThePageOnANarrowScreen) {
  const auto shown = look("500,2000", /*is_dark=*/false);
  // Nothing overflows the column: its edges are empty.
  for (uint32_t y = 0; y < shown.png.height; ++y) {
    ASSERT_EQ(shown.png.rgb(4, y), 0xfafbf9U) << y;
    ASSERT_EQ(shown.png.rgb(495, y), 0xfafbf9U) << y;
  }
  EXPECT_GT(shown.pixels.size(), 100U);
}

} // namespace
} // namespace coppice::cli::browser_test
