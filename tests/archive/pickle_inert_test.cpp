// Pickles of more than plain data: read without running any code.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/pickle_reader.h"
#include "coppice/archive/file_error.h"

namespace coppice::archive::pickle_inert_test {
namespace {

using ::testing::HasSubstr;

Pickle read(const std::string& bytes) {
  PickleContext context;
  context.where = "model.pt: data.pkl";
  context.foreign = ForeignNames::Inert;
  context.load_storage = [](const StorageId& id) {
    PickleStorage storage;
    storage.dtype = id.dtype;
    storage.size = id.size;
    return storage;
  };
  return read_pickle(bytes, context);
}

std::string error_of(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const FileError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::string repeat(std::string_view part, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) {
    all += part;
  }
  return all;
}

/// Names, calls and dangers: "os.system 1!".
std::string code_of(const Pickle& pickle) {
  std::string all;
  for (const auto& code : pickle.code) {
    all += (all.empty() ? "" : ", ") + code.name + " " +
        std::to_string(code.calls) + (code.danger.empty() ? "" : "!");
  }
  return all;
}

const PickleInert& inert(const PickleValue& value) {
  const auto* found = value.get_if<PickleInert>();
  if (!found) {
    throw std::runtime_error("not inert");
  }
  return *found;
}

std::string class_in(const PickleInert& object) {
  const auto* type = object.maker.get_if<PickleClass>();
  return type ? type->module + "." + type->name : "none";
}

const std::string kNet = "cgrove\nNet\n";

TEST(PickleInert, KeepsWhatAnObjectWasGiven) {
  // Net.__new__(Net, 1), with items, entries and a state.
  const auto pickle = read(
      kNet +
      "K\x01\x85\x81(K\x02"
      "e(U\x01"
      "aK\x03u}U\x01"
      "bK\x04sb.");
  const auto& object = inert(pickle.value);
  EXPECT_EQ(class_in(object), "grove.Net");
  EXPECT_EQ(object.arguments.get_if<PickleTuple>()->items.size(), 1u);
  ASSERT_EQ(object.items.size(), 1u);
  EXPECT_EQ(*object.items[0].get_if<int64_t>(), 2);
  ASSERT_EQ(object.entries.size(), 1u);
  EXPECT_EQ(*object.entries[0].first.get_if<std::string>(), "a");
  ASSERT_EQ(object.states.size(), 1u);
  EXPECT_EQ(
      *object.states[0].get_if<PickleDict>()->find("b")->get_if<int64_t>(), 4);
  EXPECT_EQ(code_of(pickle), "grove.Net 1");
}

TEST(PickleInert, TakesEveryWayToMakeAnObject) {
  const std::string text = "S'x'\n";
  for (const std::string& way :
       {kNet + "(" + text + "tR.",     // REDUCE
        kNet + "(" + text + "t\x81.",  // NEWOBJ
        "(" + text + "igrove\nNet\n.", // INST
        "(" + kNet + text + "o.",      // OBJ
        std::string("\x8c\x05grove\x8c\x03Net\x93\x8c\x01x\x85R.")}) {
    const auto pickle = read(way);
    const auto& object = inert(pickle.value);
    EXPECT_EQ(class_in(object), "grove.Net");
    const auto& items = object.arguments.get_if<PickleTuple>()->items;
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(*items[0].get_if<std::string>(), "x");
    EXPECT_EQ(code_of(pickle), "grove.Net 1");
  }
  const auto with_keywords = read(kNet + ")}U\x01xK\x05s\x92.");
  EXPECT_NE(
      inert(with_keywords.value).keywords.get_if<PickleDict>()->find("x"),
      nullptr);
  EXPECT_EQ(code_of(read("\x82\x07.")), "copyreg.extension_7 0");
  EXPECT_EQ(
      code_of(read(std::string("\x83\x07\x01)R.", 6))),
      "copyreg.extension_263 1");
  // Protocols below 2, for a subclass of dict.
  const auto old = read(
      "ccopy_reg\n_reconstructor\n(" + kNet +
      "c__builtin__\ndict\n(dS'a'\nI1\nstR.");
  EXPECT_EQ(class_in(inert(old.value)), "grove.Net");
  EXPECT_EQ(inert(old.value).entries.size(), 1u);
  EXPECT_EQ(code_of(old), "grove.Net 1");
}

TEST(PickleInert, ListsWhatCouldRun) {
  EXPECT_EQ(code_of(read("cos\nsystem\n(S'echo'\ntR.")), "os.system 1!");
  EXPECT_EQ(code_of(read("cposix\nsystem\n.")), "posix.system 0!");
  EXPECT_EQ(
      code_of(read("c__builtin__\neval\n(S'1'\ntR.")), "builtins.eval 1!");
  // Python also runs calls whose result is discarded.
  EXPECT_EQ(code_of(read("cos\nsystem\n(S'echo'\ntR0N.")), "os.system 1!");
  // A name that STACK_GLOBAL looks up as an attribute of another.
  EXPECT_EQ(
      code_of(read("\x8c\x13torch.serialization\x8c\x09os.system\x93.")),
      "torch.serialization.os.system 0!");
  // In a state, an argument, a key.
  EXPECT_EQ(
      code_of(read(kNet + ")\x81}cos\nsystem\nK\x01sb.")),
      "grove.Net 1, os.system 0!");
  // On the list, but it makes no data.
  EXPECT_EQ(code_of(read("c__builtin__\nint\n(S'1'\ntR.")), "builtins.int 1");
  EXPECT_EQ(code_of(read("c__builtin__\nint\n.")), "");
  EXPECT_EQ(code_of(read("cnumpy\nndarray\n.")), "");
}

TEST(PickleInert, TellsAnAttributeOfAClassFromWhatReachesAnything) {
  const std::string getattr = "c__builtin__\ngetattr\n";
  const std::string of_class = "(cgrove\nKind\nS'LEAF'\ntR";
  EXPECT_EQ(
      code_of(read(getattr + of_class + ".")),
      "grove.Kind 0, grove.Kind.LEAF 0");
  EXPECT_EQ(
      code_of(read(getattr + of_class + ")R.")),
      "grove.Kind 0, grove.Kind.LEAF 1");
  EXPECT_EQ(
      code_of(read(getattr + "(cgrove\nNet\nS'__globals__'\ntR.")),
      "grove.Net 0, grove.Net.__globals__ 0!");
  EXPECT_EQ(
      code_of(read(getattr + "(cx\nos\nS'system'\ntR.")),
      "x.os 0!, x.os.system 0!");
  EXPECT_EQ(code_of(read(getattr + ".")), "builtins.getattr 0!");
  EXPECT_EQ(code_of(read(getattr + "(S'a'\nS'b'\ntR.")), "builtins.getattr 1!");
  EXPECT_EQ(
      code_of(read(getattr + "(cgrove\nmake\n)RS'b'\ntR.")),
      "builtins.getattr 1!, grove.make 1");
  // Used once for a lookup and once as a value.
  EXPECT_EQ(
      code_of(read(getattr + "p0\n" + of_class + "0g0\n.")),
      "builtins.getattr 0!, grove.Kind 0, grove.Kind.LEAF 0");
  EXPECT_EQ(
      code_of(read(getattr + "2" + of_class + "0.")),
      "builtins.getattr 0!, grove.Kind 0, grove.Kind.LEAF 0");
}

TEST(PickleInert, CallsOfWhatWasMadeAreInertToo) {
  const auto pickle = read("cgrove\nmaker\n(tR(K\x01tR.");
  const auto& made = inert(pickle.value);
  EXPECT_EQ(class_in(inert(made.maker)), "grove.maker");
  EXPECT_EQ(made.arguments.get_if<PickleTuple>()->items.size(), 1u);
}

TEST(PickleInert, ShowsNamesWithoutTheirControlCharacters) {
  EXPECT_EQ(code_of(read("c\x1b[31mx\ny\xff\n.")), "?[31mx.y? 0");
}

TEST(PickleInert, MayHoldItself) {
  const auto pickle = read(kNet + ")\x81q\x01}U\x02meh\x01sb.");
  const auto& object = inert(pickle.value);
  EXPECT_EQ(
      object.states[0].get_if<PickleDict>()->find("me")->identity(),
      pickle.value.identity());
  // Plain values may not, not even beside inert ones.
  EXPECT_THAT(
      error_of(kNet + ")\x81}U\x01x]q\x01h\x01" + "asb."),
      HasSubstr("holds itself"));
  // A discarded one.
  EXPECT_EQ(
      error_of(kNet + ")\x81q\x01}U\x02meh\x01sb0N."), "nothing was thrown");
  EXPECT_THAT(error_of(kNet + ")\x81q\x01}U\x02meh\x01sb"), HasSubstr("cut"));
}

TEST(PickleInert, SurvivesDepth) {
  const size_t many = 300'000;
  // Each object is the argument of the next.
  const std::string chain = kNet + "q\x01" + "0N" +
      repeat("\x85q\x02"
             "0h\x01h\x02R",
             many);
  EXPECT_EQ(error_of(chain + "."), "nothing was thrown");
  EXPECT_THAT(error_of(chain), HasSubstr("cut"));
  // A list of all of them: shallow to walk, deep to destroy.
  EXPECT_EQ(
      error_of(
          kNet + "q\x01" + "0](N" +
          repeat(
              "\x85q\x02"
              "0h\x01h\x02Rq\x03h\x03",
              many) +
          "e."),
      "nothing was thrown");
  // The limit of plain values is lower.
  EXPECT_THAT(
      error_of(kNet + ")\x81N" + repeat("\x85", 600) + "b."),
      HasSubstr("deep"));
}

TEST(PickleInert, TakesNoMoreMemoryThanItsSizeCanMean) {
  // A thousand texts; every pair of them is a name.
  std::string pickle;
  for (int i = 0; i < 200; ++i) {
    pickle += "X" + std::string("\xf4\x01\0\0", 4) + std::string(497, 'x') +
        std::to_string(100 + i) + "q" + std::string(1, static_cast<char>(i)) +
        "0";
  }
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 200; ++j) {
      pickle += std::string("h") + static_cast<char>(i) + "h" +
          static_cast<char>(j) + "\x93" + "0";
    }
  }
  EXPECT_THAT(error_of(pickle + "N."), HasSubstr("memory"));
  EXPECT_THAT(
      error_of("c" + std::string(2000, 'x') + "\nNet\n."),
      HasSubstr("1000 characters"));
}

TEST(PickleInert, StillRefusesWhatIsBroken) {
  EXPECT_THAT(error_of("K\x01)R."), HasSubstr("calls an integer"));
  EXPECT_THAT(
      error_of(kNet + "]R."), HasSubstr("instead of a tuple of arguments"));
  EXPECT_THAT(error_of("]}b."), HasSubstr("state of a list"));
  EXPECT_THAT(error_of("(o."), HasSubstr("without a class"));
  EXPECT_THAT(error_of("igrove\nNet\n."), HasSubstr("mark"));
  EXPECT_THAT(error_of("Pabc\n."), HasSubstr("persistent id"));
  EXPECT_THAT(error_of("Sabc\n."), HasSubstr("quotes"));
  EXPECT_THAT(error_of("V\\u12\n."), HasSubstr("escape"));
  EXPECT_THAT(
      error_of("ctorch._utils\n_rebuild_tensor_v2\n(K\x01tR."),
      HasSubstr("argument 1"));
}

TEST(PickleInert, SaysOfABrokenOneThatItIsDangerous) {
  EXPECT_THAT(
      error_of("cos\nsystem\n(S'echo'\ntR0K"),
      HasSubstr(
          "names `os.system`, which runs programs, and is also invalid at "
          "byte 24; do not load it with Python."));
}

TEST(PickleInert, TakesTheClassOfAWholeModel) {
  // The class form of torch.save before 1.6, with its source.
  const auto pickle = read(
      "(U\x06module" + kNet +
      "U\x04"
      "a.pyU\x04"
      "codetQ)\x81.");
  EXPECT_EQ(class_in(inert(pickle.value)), "grove.Net");
}

} // namespace
} // namespace coppice::archive::pickle_inert_test
