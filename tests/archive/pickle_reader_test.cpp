#include "archive/pickle_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coppice/archive/file_error.h"

namespace coppice::archive::pickle_reader_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text(std::string_view bytes) {
  return std::string(bytes);
}

PickleStorage eight_floats(const StorageId& id) {
  static const auto floats = std::make_shared<std::vector<float>>(8, 1.f);
  PickleStorage storage;
  storage.dtype = id.dtype;
  storage.data = reinterpret_cast<const std::byte*>(floats->data());
  storage.size = 32;
  storage.owner = floats;
  return storage;
}

PickleValue read(const std::string& bytes, bool torch_script = false) {
  PickleContext context;
  context.where = "model.pt: data.pkl";
  context.torch_script = torch_script;
  context.load_storage = eight_floats;
  return read_pickle(bytes, context).value;
}

/// The message for a pickle.
std::string error_of(const std::string& bytes) {
  std::string message = "nothing was thrown";
  try {
    read(bytes);
  } catch (const FileError& error) {
    message = error.what();
  }
  EXPECT_LT(message.size(), 400u);
  return message;
}

std::string repeat(std::string_view part, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) {
    all += part;
  }
  return all;
}

TEST(PickleReader, ReadsNumbers) {
  EXPECT_EQ(*read("K\x05.").get_if<int64_t>(), 5);
  EXPECT_EQ(*read("J\xff\xff\xff\xff.").get_if<int64_t>(), -1);
  EXPECT_EQ(*read("M\x01\x02.").get_if<int64_t>(), 513);
  EXPECT_EQ(*read("I-7\n.").get_if<int64_t>(), -7);
  EXPECT_EQ(*read("L-7L\n.").get_if<int64_t>(), -7);
  EXPECT_EQ(*read("I01\n.").get_if<bool>(), true);
  EXPECT_EQ(*read("\x8a\x01\x80.").get_if<int64_t>(), -128);
  EXPECT_EQ(*read(text({"\x8a\0.", 3})).get_if<int64_t>(), 0);
  EXPECT_EQ(*read("F1.5\n.").get_if<double>(), 1.5);
  EXPECT_EQ(*read(text({"G\x3f\xf8\0\0\0\0\0\0.", 10})).get_if<double>(), 1.5);
  EXPECT_EQ(
      read("\x8a\x09"
           "123456789.")
          .get_if<PickleBigInt>()
          ->bytes,
      "123456789");
}

TEST(PickleReader, ReadsTextAndBytes) {
  EXPECT_EQ(*read("Vabc\n.").get_if<std::string>(), "abc");
  EXPECT_EQ(*read("\x8c\x01z.").get_if<std::string>(), "z");
  EXPECT_EQ(*read("U\x02xy.").get_if<std::string>(), "xy");
  EXPECT_EQ(read("U\x01\xff.").get_if<PickleBytes>()->bytes, "\xff");
  EXPECT_EQ(read("C\x01\xff.").get_if<PickleBytes>()->bytes, "\xff");
}

TEST(PickleReader, KeepsWhatIsSharedShared) {
  // A list with the same list twice.
  const auto value = read(
      "\x80\x02](]q\x01h\x01"
      "e.");
  const auto& items = value.get_if<PickleList>()->items;
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].identity(), items[1].identity());
}

TEST(PickleReader, KeepsTheAttributesOfAnOrderedDict) {
  const auto value = read(
      "ccollections\nOrderedDict\n)R"
      "U\x01"
      "aK\x01s}U\x09_metadataNsb.");
  const auto& dict = *value.get_if<PickleDict>();
  EXPECT_EQ(dict.kind, PickleDict::Kind::Ordered);
  EXPECT_EQ(*dict.find("a")->get_if<int64_t>(), 1);
  ASSERT_EQ(dict.attributes.size(), 1u);
  EXPECT_EQ(dict.attributes[0].first, "_metadata");
}

TEST(PickleReader, ReadsTheFactoryOfADefaultDict) {
  const auto value =
      read("ccollections\ndefaultdict\n(c__builtin__\ndict\ntR.");
  EXPECT_EQ(value.get_if<PickleDict>()->factory, "builtins.dict");
}

TEST(PickleReader, RefusesWhatCouldRunByName) {
  for (const char* evil :
       {"cos\nsystem\n(U\x04"
        "echotR.",
        "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04"
        "echo\x85R.",
        "cos\nsystem\n."}) {
    EXPECT_THAT(
        error_of(evil),
        AllOf(
            HasSubstr("model.pt: data.pkl"),
            HasSubstr("`os.system`"),
            HasSubstr("nothing was run")));
  }
  EXPECT_THAT(
      error_of("c__builtin__\neval\n(U\x01"
               "1tR."),
      HasSubstr("`builtins.eval`"));
  EXPECT_THAT(error_of("cposix\nsystem\n."), HasSubstr("posix.system"));
  EXPECT_THAT(
      error_of("c__builtin__\ngetattr\n."), HasSubstr("builtins.getattr"));
  // Allowed, but not callable.
  EXPECT_THAT(error_of("ctorch\nTensor\n)R."), HasSubstr("calls"));
  EXPECT_THAT(error_of("c__builtin__\nint\n)\x81."), HasSubstr("calls"));
  EXPECT_THAT(error_of("K\x01)R."), HasSubstr("calls an integer"));
  // Classes of TorchScript are allowed only in its own archives.
  EXPECT_THAT(error_of("c__torch__\nM\n)\x81."), HasSubstr("__torch__.M"));
}

TEST(PickleReader, RefusesToSetAState) {
  EXPECT_THAT(error_of("]}b."), HasSubstr("state of a list"));
  EXPECT_THAT(error_of("}}b."), HasSubstr("state of a dictionary"));
  EXPECT_THAT(error_of("ctorch\nTensor\n}b."), HasSubstr("state of the name"));
}

TEST(PickleReader, QuotesNamesWithoutTheirControlCharacters) {
  const auto message =
      error_of("c\x1b[31m`x\nlong" + text(repeat("y", 5000)) + "\n.");
  EXPECT_THAT(message, AllOf(Not(HasSubstr("\x1b")), HasSubstr("?[31m?x")));
}

TEST(PickleReader, SurvivesDepth) {
  const size_t many = 1'000'000;
  EXPECT_THAT(error_of("N" + repeat("\x85", many) + "."), HasSubstr("deep"));
  EXPECT_THAT(
      error_of(repeat("(", many) + repeat("t", many) + "."), HasSubstr("deep"));
  EXPECT_THAT(
      error_of(repeat("]", many) + repeat("a", many - 1) + "."),
      HasSubstr("deep"));
  // Broken before its end: containers are destroyed from the outside in.
  EXPECT_THAT(error_of("N" + repeat("\x85", many)), HasSubstr("bytes"));
  EXPECT_THAT(
      error_of("N" + repeat("\x85", many) + "0N.X"), "nothing was thrown");
}

TEST(PickleReader, RefusesRings) {
  EXPECT_THAT(
      error_of("]q\x01h\x01"
               "a."),
      HasSubstr("holds itself"));
  // An unused one must still be freed.
  EXPECT_THAT(
      error_of("]q\x01h\x01"
               "a0N."),
      "nothing was thrown");
  EXPECT_THAT(error_of("}q\x01U\x01ah\x01s"), HasSubstr("bytes"));
}

TEST(PickleReader, BelievesNoLength) {
  EXPECT_THAT(
      error_of("X\xff\xff\xff\xff"
               "abc"),
      HasSubstr("4294967295"));
  EXPECT_THAT(
      error_of("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), HasSubstr("cut short"));
  EXPECT_THAT(error_of("\x8b\xff\xff\xff\xff."), HasSubstr("negative size"));
  EXPECT_THAT(error_of("j\xff\xff\xff\x7f."), HasSubstr("memo entry"));
  EXPECT_THAT(error_of("Nr\xff\xff\xff\x7f."), "nothing was thrown");
  EXPECT_THAT(error_of("Np99999999999999999999\n."), HasSubstr("memo index"));
  EXPECT_THAT(error_of(""), HasSubstr("cut short"));
  EXPECT_THAT(error_of("."), HasSubstr("more values"));
  EXPECT_THAT(error_of("e."), HasSubstr("mark"));
  EXPECT_THAT(error_of("(K\x01s."), HasSubstr("more values"));
  EXPECT_THAT(error_of("}(K\x01u."), HasSubstr("sets items"));
  EXPECT_THAT(error_of("\x82\x01."), HasSubstr("opcode 0x82"));
  EXPECT_THAT(error_of("\x80\x09."), HasSubstr("protocol 9"));
  EXPECT_THAT(error_of("\x8c\x01\xff."), HasSubstr("UTF-8"));
}

TEST(PickleReader, CopiesNoMoreThanItWasGiven) {
  // A million elements, made into a set a hundred thousand times.
  const std::string list = "](" + repeat("N", 1'000'000) +
      "e\x85q\x01"
      "0";
  const std::string copy =
      "c__builtin__\nset\nq\x02"
      "0";
  EXPECT_THAT(
      error_of(list + copy + repeat("h\x02h\x01R0", 100'000) + "N."),
      HasSubstr("memory"));
}

TEST(PickleReader, RefusesAKeyTwice) {
  EXPECT_THAT(
      error_of("}(U\x01"
               "aNU\x01"
               "aNu."),
      HasSubstr("`a` twice"));
  EXPECT_THAT(error_of("}]Ns."), HasSubstr("a list as a key"));
}

/// A float tensor over the storage of eight elements: `rest` has its offset,
/// sizes and strides.
std::string tensor(
    const std::string& rest,
    const std::string& count = "K\x08") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage"
         "\nU\x01"
         "0U\x03"
         "cpu" +
      count + "tQ" + rest +
      "\x89"
      "ccollections\nOrderedDict\n)RtR.";
}

TEST(PickleReader, ReadsATensor) {
  const auto value = read(tensor("K\x02(K\x02K\x03t(K\x01K\x02t"));
  const auto& found = *value.get_if<PickleTensor>();
  EXPECT_THAT(found.tensor.shape, ::testing::ElementsAre(2, 3));
  EXPECT_THAT(found.tensor.strides, ::testing::ElementsAre(1, 2));
  EXPECT_EQ(found.tensor.data - found.storage.data, 8);
  EXPECT_EQ(found.tensor.fixed_because, "");
}

TEST(PickleReader, HoldsTensorsToTheirStorage) {
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  EXPECT_THAT(
      error_of(tensor("K\x03(K\x02K\x03t(K\x01K\x02t")),
      HasSubstr("beyond its storage"));
  EXPECT_THAT(
      error_of(tensor(huge + "(K\x01t(K\x01t")),
      HasSubstr("beyond its storage"));
  EXPECT_THAT(
      error_of(tensor(text({"K\0(", 3}) + huge + huge + "t(K\x01K\x01t")),
      HasSubstr("beyond its storage"));
  EXPECT_THAT(
      error_of(tensor(text({"K\0(K\x02t(", 7}) + huge + "t")),
      HasSubstr("beyond its storage"));
  EXPECT_THAT(
      error_of(tensor(text({"K\0(J\xff\xff\xff\xfft(K\x01t", 13}))),
      HasSubstr("nonnegative"));
  EXPECT_THAT(
      error_of(tensor("J\xff\xff\xff\xff(K\x01t(K\x01t")), HasSubstr("beyond"));
  EXPECT_THAT(error_of(tensor(text({"K\0(K\x01t)", 7}))), HasSubstr("strides"));
  EXPECT_THAT(
      error_of(tensor(text({"K\0))", 4}), huge)), HasSubstr("impossible size"));
  // An empty axis does not hide an overflow of the others.
  EXPECT_THAT(
      error_of(
          tensor(text({"K\0(K\0", 5}) + huge + huge + "t(K\x01K\x01K\x01t")),
      HasSubstr("beyond"));
  EXPECT_THAT(
      error_of(tensor(text({"K\0(M\xff\xfft(K\0t", 11}))), HasSubstr("1024"));
}

TEST(PickleReader, FixesTensorsWhoseElementsShareMemory) {
  const auto value = read(tensor(text({"K\0(K\x04t(K\0t", 10})));
  EXPECT_EQ(
      value.get_if<PickleTensor>()->tensor.fixed_because,
      "its elements share memory");
}

} // namespace
} // namespace coppice::archive::pickle_reader_test
