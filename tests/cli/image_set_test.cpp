#include "cli/image_set.h"

#include <ATen/Functions.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/errors.h"
#include "cli/idx_files.h"

namespace coppice::cli::image_set_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <typename Function>
std::string complaint(const Function& function) {
  try {
    function();
  } catch (const InputError& error) {
    return error.what();
  }
  return "nothing is wrong";
}

std::string complaint_about(
    const std::string& images,
    const std::string& labels) {
  const TemporaryFolder folder;
  return complaint([&] {
    read_image_set(
        folder.write("images", images), folder.write("labels", labels));
  });
}

TEST(ImageSet, HoldsImagesAndLabels) {
  const TemporaryFolder folder;
  const auto set = read_image_set(
      folder.write("images", image_idx(12)),
      folder.write("labels", label_idx(12)));
  EXPECT_EQ(set.images.sizes(), at::IntArrayRef({12, 1, 28, 28}));
  EXPECT_EQ(set.images[3][0][27][27].item<int>(), 60);
  EXPECT_EQ(set.labels[11].item<int>(), 1);
}

TEST(ImageSet, RefusesImagesOfAnotherSize) {
  EXPECT_THAT(
      complaint_about(
          idx_bytes({1, 32, 32}, std::string(1024, 'x')), label_idx(1)),
      HasSubstr("32x32"));
}

TEST(ImageSet, RefusesAnotherNumberOfLabels) {
  EXPECT_THAT(
      complaint_about(image_idx(3), label_idx(2)),
      AllOf(HasSubstr("3 images"), HasSubstr("2 labels")));
}

TEST(ImageSet, RefusesLabelsOutOfRange) {
  EXPECT_THAT(
      complaint_about(image_idx(2), idx_bytes({2}, "\x09\x0a")),
      HasSubstr("label 10 at position 1"));
}

TEST(ImageFolder, TakesOtherNamesWhereOneFits) {
  const TemporaryFolder folder;
  folder.write("latest-train-images-idx3-ubyte.gz", gzipped(image_idx(10)));
  folder.write("latest-train-labels.idx1-ubyte", label_idx(10));
  folder.write("latest-test-images-idx3-ubyte", image_idx(5));
  folder.write("latest-test-labels-idx1-ubyte.gz", gzipped(label_idx(5)));
  const auto data = read_image_folder(folder.path());
  EXPECT_EQ(data.train.size(), 10);
  EXPECT_EQ(data.test.size(), 5);
}

TEST(ImageFolder, PrefersTheUsualName) {
  const TemporaryFolder folder;
  write_image_folder(folder);
  folder.write("old-train-images-idx3-ubyte", "");
  EXPECT_EQ(read_image_folder(folder.path()).train.size(), 40);
}

TEST(ImageFolder, RefusesTwoFilesThatFit) {
  const TemporaryFolder folder;
  write_image_folder(folder);
  std::filesystem::rename(
      folder.file("t10k-labels-idx1-ubyte"),
      folder.file("a-t10k-labels-idx1-ubyte"));
  folder.write("b-t10k-labels-idx1-ubyte", label_idx(20));
  EXPECT_THAT(
      complaint([&] { read_image_folder(folder.path()); }),
      AllOf(HasSubstr("both a-t10k-labels"), HasSubstr("b-t10k-labels")));
}

TEST(ImageFolder, NamesTheFileThatIsMissing) {
  const TemporaryFolder folder;
  write_image_folder(folder);
  std::filesystem::remove(folder.file("t10k-images-idx3-ubyte"));
  EXPECT_THAT(
      complaint([&] { read_image_folder(folder.path()); }),
      HasSubstr("holds no t10k-images-idx3-ubyte"));
}

TEST(ImageFolder, RefusesWhatIsNoFolder) {
  EXPECT_THAT(
      complaint([] { read_image_folder("/nowhere/at/all"); }),
      HasSubstr("/nowhere/at/all cannot be read"));
}

TEST(DrawnImages, AreTheSameForASeed) {
  const auto a = draw_images(7, 30, 20);
  const auto b = draw_images(7, 30, 20);
  const auto c = draw_images(8, 30, 20);
  EXPECT_TRUE(a.train.images.equal(b.train.images));
  EXPECT_TRUE(a.test.images.equal(b.test.images));
  EXPECT_FALSE(a.train.images.equal(c.train.images));
}

TEST(DrawnImages, ShowEveryClassEquallyOften) {
  const auto data = draw_images(0, 200, 100);
  EXPECT_TRUE(at::bincount(data.train.labels).eq(20).all().item<bool>());
  EXPECT_TRUE(at::bincount(data.test.labels).eq(10).all().item<bool>());
}

} // namespace
} // namespace coppice::cli::image_set_test
