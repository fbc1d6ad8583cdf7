// The opcodes of PickleMachine, as Python's pickletools names them.

#include <fmt/format.h>

#include <unordered_set>

#include "archive/pickle_machine.h"

namespace coppice::archive {

bool PickleMachine::step_stack(unsigned char opcode) {
  switch (opcode) {
    case 0x80: { // PROTO
      const int protocol = input_.number<unsigned char>();
      if (protocol > 5) {
        input_.fail(fmt::format("has protocol {}", protocol));
      }
      return true;
    }
    case 0x95: // FRAME: the frame's size, which tells nothing
      input_.number<uint64_t>();
      return true;
    case '(': // MARK
      marks_.push_back(stack_.size());
      return true;
    case '0': // POP
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case '1': // POP_MARK
      pop_to_mark();
      return true;
    case '2': // DUP
      stack_.push_back(PickleValue(top()));
      return true;
    case 'p': // PUT
      remember(text_index());
      return true;
    case 'q': // BINPUT
      remember(input_.number<uint8_t>());
      return true;
    case 'r': // LONG_BINPUT
      remember(input_.number<uint32_t>());
      return true;
    case 0x94: // MEMOIZE
      remember(memo_.size());
      return true;
    case 'g': // GET
      recall(text_index());
      return true;
    case 'h': // BINGET
      recall(input_.number<uint8_t>());
      return true;
    case 'j': // LONG_BINGET
      recall(input_.number<uint32_t>());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_container(unsigned char opcode) {
  switch (opcode) {
    case ']': // EMPTY_LIST
      push(PickleList());
      return true;
    case 'l': // LIST
      push(PickleList{pop_to_mark()});
      return true;
    case 'a': { // APPEND
      PickleItems items;
      items.push_back(pop());
      append(std::move(items));
      return true;
    }
    case 'e': // APPENDS
      append(pop_to_mark());
      return true;
    case ')':  // EMPTY_TUPLE
    case 0x85: // TUPLE1
    case 0x86: // TUPLE2
    case 0x87: // TUPLE3
      push_tuple(opcode == ')' ? 0 : opcode - 0x84u);
      return true;
    case 't': // TUPLE
      push(PickleTuple{pop_to_mark()});
      return true;
    case '}': // EMPTY_DICT
      push(PickleDict());
      return true;
    case 'd': { // DICT
      auto items = pop_to_mark();
      push(PickleDict());
      set_items(std::move(items));
      return true;
    }
    case 's': { // SETITEM
      PickleItems items(2);
      items[1] = pop();
      items[0] = pop();
      set_items(std::move(items));
      return true;
    }
    case 'u': // SETITEMS
      set_items(pop_to_mark());
      return true;
    case 0x8f: // EMPTY_SET
      push(PickleSet());
      return true;
    case 0x90: // ADDITEMS
      add_to_set(pop_to_mark());
      return true;
    case 0x91: // FROZENSET
      push(PickleSet{pop_to_mark(), true});
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_object(unsigned char opcode) {
  switch (opcode) {
    case 'c': { // GLOBAL
      const auto module = input_.line();
      const auto name = input_.line();
      push(maker_.name(module, name));
      return true;
    }
    case 0x93: // STACK_GLOBAL
      push_name_of_stack();
      return true;
    case 'R': { // REDUCE
      const PickleValue given = pop();
      const PickleValue type = pop();
      push(maker_.make(type, arguments(given)));
      return true;
    }
    case 0x92:   // NEWOBJ_EX
    case 0x81: { // NEWOBJ
      if (opcode == 0x92) {
        const PickleValue keywords = pop();
        const auto* dict = keywords.get_if<PickleDict>();
        if (!dict || !dict->items.empty()) {
          input_.fail("makes an object of keyword arguments");
        }
      }
      const PickleValue given = pop();
      const PickleValue type = pop();
      push(maker_.make_object(type, arguments(given)));
      return true;
    }
    case 'b': { // BUILD
      const PickleValue state = pop();
      maker_.set_state(top(), state);
      return true;
    }
    case 'Q': { // BINPERSID
      const PickleValue id = pop();
      push(maker_.storage(id));
      return true;
    }
    default:
      return false;
  }
}

void PickleMachine::push_tuple(size_t count) {
  PickleTuple tuple;
  tuple.items.resize(count);
  while (count > 0) {
    tuple.items[--count] = pop();
  }
  push(std::move(tuple));
}

void PickleMachine::append(PickleItems items) {
  auto* list = top().edit_if<PickleList>();
  if (!list) {
    input_.fail(fmt::format("appends to {}", top().kind_name()));
  }
  list->items.insert(
      list->items.end(),
      std::make_move_iterator(items.begin()),
      std::make_move_iterator(items.end()));
}

void PickleMachine::add_to_set(PickleItems items) {
  auto* set = top().edit_if<PickleSet>();
  if (!set || set->frozen) {
    input_.fail(fmt::format("adds to {}", top().kind_name()));
  }
  set->items.insert(
      set->items.end(),
      std::make_move_iterator(items.begin()),
      std::make_move_iterator(items.end()));
}

void PickleMachine::set_items(PickleItems items) {
  auto* dict = top().edit_if<PickleDict>();
  if (!dict || items.size() % 2 != 0) {
    input_.fail(fmt::format("sets items of {}", top().kind_name()));
  }
  for (size_t i = 0; i < items.size(); i += 2) {
    const auto& key = items[i];
    if (key.get_if<PickleList>() || key.get_if<PickleDict>()) {
      input_.fail(fmt::format("has {} as a key", key.kind_name()));
    }
    dict->items.emplace_back(std::move(items[i]), std::move(items[i + 1]));
  }
}

void PickleMachine::push_name_of_stack() {
  const PickleValue name = pop();
  const PickleValue module = pop();
  const auto* name_text = name.get_if<std::string>();
  const auto* module_text = module.get_if<std::string>();
  if (!name_text || !module_text) {
    input_.fail("names a class by what is no string");
  }
  push(maker_.name(*module_text, *name_text));
}

const PickleItems& PickleMachine::arguments(const PickleValue& value) {
  const auto* tuple = value.get_if<PickleTuple>();
  if (!tuple) {
    input_.fail(
        fmt::format("gives {} in place of arguments", value.kind_name()));
  }
  return tuple->items;
}

void PickleMachine::check_keys(const PickleDict& dict) {
  constexpr size_t kLongest = 4096; // Bounds the time that the hashes take.
  std::unordered_set<std::string_view> texts;
  std::unordered_set<int64_t> numbers;
  for (const auto& [key, item] : dict.items) {
    const auto* text = key.get_if<std::string>();
    if (text && text->size() > kLongest) {
      input_.fail(fmt::format("has a key of {} characters", text->size()));
    }
    if (text && !texts.insert(*text).second) {
      input_.fail(fmt::format("has the key {} twice", quoted(*text)));
    }
    const auto* number = key.get_if<int64_t>();
    if (number && !numbers.insert(*number).second) {
      input_.fail(fmt::format("has the key {} twice", *number));
    }
  }
}

} // namespace coppice::archive
