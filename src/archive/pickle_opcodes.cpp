// PickleMachine: opcodes of stack, containers and objects, named as in Python's
// pickletools.

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
    case 0x95: // FRAME: its size is not needed
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
      maker_.count_use(top());
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
      push(maker_.find_class(module, name));
      return true;
    }
    case 0x93: // STACK_GLOBAL
      push_stack_global();
      return true;
    case 'R': { // REDUCE
      const PickleValue given = pop();
      const PickleValue type = pop();
      push(maker_.call(type, given));
      return true;
    }
    case 0x92:   // NEWOBJ_EX
    case 0x81: { // NEWOBJ
      const PickleValue keywords = opcode == 0x92 ? pop() : PickleValue();
      const PickleValue given = pop();
      const PickleValue type = pop();
      if (opcode == 0x92 && !keywords.get_if<PickleDict>()) {
        input_.fail("constructs an object with keyword arguments");
      }
      push(maker_.make_object(type, given, keywords));
      return true;
    }
    case 'i': { // INST
      const auto module = input_.line();
      const PickleValue type = maker_.find_class(module, input_.line());
      push_instance(type, pop_to_mark());
      return true;
    }
    case 'o': { // OBJ
      auto items = pop_to_mark();
      if (items.empty()) {
        input_.fail("constructs an object without a class");
      }
      const PickleValue type = std::move(items.front());
      items.erase(items.begin());
      push_instance(type, std::move(items));
      return true;
    }
    case 0x82: // EXT1
      push_extension(input_.number<uint8_t>(), opcode);
      return true;
    case 0x83: // EXT2
      push_extension(input_.number<uint16_t>(), opcode);
      return true;
    case 0x84: // EXT4
      push_extension(input_.number<uint32_t>(), opcode);
      return true;
    case 'b': { // BUILD
      const PickleValue state = pop();
      if (maker_.takes_foreign() && top().get_if<PickleClass>()) {
        PickleInert described; // A class modified by the file.
        described.maker = pop();
        push(std::move(described));
      }
      maker_.set_state(top(), state);
      return true;
    }
    case 'Q': { // BINPERSID
      const PickleValue id = pop();
      push(maker_.persistent_load(id));
      return true;
    }
    case 'P': // PERSID
      push(maker_.persistent_load(std::string(input_.line())));
      return true;
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
  auto* inert = top().edit_if<PickleInert>();
  if (!list && !inert) {
    input_.fail(fmt::format("appends to {}", top().kind_name()));
  }
  auto& into = list ? list->items : inert->items;
  into.insert(
      into.end(),
      std::make_move_iterator(items.begin()),
      std::make_move_iterator(items.end()));
}

void PickleMachine::add_to_set(PickleItems items) {
  auto* set = top().edit_if<PickleSet>();
  auto* inert = top().edit_if<PickleInert>();
  if (!inert && (!set || set->frozen)) {
    input_.fail(fmt::format("adds to {}", top().kind_name()));
  }
  auto& into = set ? set->items : inert->items;
  into.insert(
      into.end(),
      std::make_move_iterator(items.begin()),
      std::make_move_iterator(items.end()));
}

void PickleMachine::set_items(PickleItems items) {
  auto* dict = top().edit_if<PickleDict>();
  auto* inert = top().edit_if<PickleInert>();
  if ((!dict && !inert) || items.size() % 2 != 0) {
    input_.fail(fmt::format("sets items of {}", top().kind_name()));
  }
  auto& into = dict ? dict->items : inert->entries;
  for (size_t i = 0; i < items.size(); i += 2) {
    const auto& key = items[i];
    if (key.get_if<PickleList>() || key.get_if<PickleDict>()) {
      input_.fail(fmt::format("has {} as a key", key.kind_name()));
    }
    into.emplace_back(std::move(items[i]), std::move(items[i + 1]));
  }
}

void PickleMachine::push_instance(
    const PickleValue& type,
    PickleItems arguments) {
  push(PickleTuple{std::move(arguments)});
  const PickleValue given = pop();
  push(maker_.make_object(type, given));
}

void PickleMachine::push_extension(uint64_t code, unsigned char opcode) {
  if (!maker_.takes_foreign()) {
    refuse_opcode(opcode);
  }
  push(maker_.extension(code));
}

void PickleMachine::push_stack_global() {
  const PickleValue name = pop();
  const PickleValue module = pop();
  const auto* name_text = name.get_if<std::string>();
  const auto* module_text = module.get_if<std::string>();
  if (!name_text || !module_text) {
    input_.fail("names a class by something that is not a string");
  }
  push(maker_.find_class(*module_text, *name_text));
}

void PickleMachine::check_keys(const PickleDict& dict) {
  constexpr size_t kMaxLength = 4096; // Bounds the time of hashing.
  std::unordered_set<std::string_view> texts;
  std::unordered_set<int64_t> numbers;
  for (const auto& [key, item] : dict.items) {
    const auto* text = key.get_if<std::string>();
    if (text && text->size() > kMaxLength) {
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
