#pragma once

#include <unordered_map>
#include <vector>

#include "archive/pickle_maker.h"

namespace coppice::archive {

/// Python's pickle machine: a stack of values, marks on it, and a memo.
class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, const PickleContext& context)
      : input_(bytes, context.where), maker_(context, input_) {}
  ~PickleMachine();
  PickleMachine(const PickleMachine&) = delete;
  PickleMachine& operator=(const PickleMachine&) = delete;

  Pickle run();

 private:
  /// Runs one opcode; false for the last.
  bool step(unsigned char opcode);
  bool step_number(unsigned char opcode);
  bool step_text(unsigned char opcode);
  bool step_container(unsigned char opcode);
  bool step_stack(unsigned char opcode);
  bool step_object(unsigned char opcode);

  [[noreturn]] void refuse_opcode(unsigned char opcode) const;
  void fail_if_dangerous();

  void push(PickleValue value);
  PickleValue pop();
  /// The value `depth` below the top of the stack.
  PickleValue& top(size_t depth = 0);
  /// Pops the last mark and everything above it.
  PickleItems pop_to_mark();

  void push_integer(std::string_view bytes);
  void push_text_integer();
  void push_text_float();
  void push_text(std::string_view text);
  /// The text forms of protocol 0: quoted, and with Unicode escapes.
  void push_quoted_text(std::string_view line);
  void push_escaped_text(std::string_view line);
  void push_legacy_text(std::string_view text);
  void push_tuple(size_t count);
  void remember(uint64_t index);
  void recall(uint64_t index);
  uint64_t text_index();
  void append(PickleItems items);
  void add_to_set(PickleItems items);
  void set_items(PickleItems items);
  void push_stack_global();
  void push_extension(uint64_t code, unsigned char opcode);
  /// Creates an object from the values above the last mark (protocol 0).
  void push_instance(const PickleValue& type, PickleItems arguments);

  /// Checks the result and releases everything else. Returns the owner of the
  /// result if that can contain inert objects.
  std::shared_ptr<const void> finish(const PickleValue& result);
  void check_keys(const PickleDict& dict);

  ByteReader input_;
  PickleMaker maker_;
  PickleItems stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue> memo_;
  /// All containers made. They are emptied one by one on failure: destructors
  /// of deep chains would recurse too far, and cycles would leak.
  PickleItems containers_;
};

} // namespace coppice::archive
