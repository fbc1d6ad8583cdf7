#pragma once

#include <unordered_map>
#include <vector>

#include "archive/pickle_maker.h"

namespace coppice::archive {

/// Python's pickle machine: a stack of values, marks in it, and a memo.
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

  void push(PickleValue value);
  PickleValue pop();
  /// The value `depth` below the top of the stack.
  PickleValue& top(size_t depth = 0);
  /// Everything above the last mark, which goes too.
  PickleItems pop_to_mark();

  void push_integer(std::string_view bytes);
  void push_text_integer();
  void push_text_float();
  void push_text(std::string_view text);
  /// Protocol 0's text in quotes, and its text in Unicode.
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
  void push_name_of_stack();
  void push_extension(uint64_t code, unsigned char opcode);
  /// Protocol 0's way to make an object: all since the mark is its arguments.
  void push_instance(const PickleValue& type, PickleItems arguments);

  /// Checks the result and lets go of all else; what keeps it, if it may be
  /// inert.
  std::shared_ptr<const void> finish(const PickleValue& result);
  void check_keys(const PickleDict& dict);

  ByteReader input_;
  PickleMaker maker_;
  PickleItems stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue> memo_;
  /// Each container made: they are emptied in turn when something fails, since
  /// chains of them would end recursively and rings never.
  PickleItems containers_;
};

} // namespace coppice::archive
