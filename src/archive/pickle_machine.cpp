#include "archive/pickle_machine.h"

#include <fmt/format.h>

#include "archive/pickle_tree.h"
#include "coppice/archive/file_error.h"

namespace coppice::archive {

namespace {

/// Empties the containers of a result one by one: their destructors would
/// recurse.
class Keeper {
 public:
  explicit Keeper(PickleItems containers)
      : containers_(std::move(containers)) {}
  ~Keeper() {
    for (auto& container : containers_) {
      empty_container(container);
    }
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  PickleItems containers_;
};

} // namespace

Pickle read_pickle(std::string_view bytes, const PickleContext& context) {
  return PickleMachine(bytes, context).run();
}

PickleMachine::~PickleMachine() {
  for (auto& container : containers_) {
    empty_container(container);
  }
}

Pickle PickleMachine::run() {
  Pickle result;
  try {
    while (step(input_.number<unsigned char>())) {
    }
    result.value = pop();
    result.size = input_.offset();
    result.keeper = finish(result.value);
  } catch (const FileError&) {
    fail_if_dangerous();
    throw;
  }
  result.code = maker_.take_code();
  return result;
}

/// Python runs everything before the invalid byte, so a dangerous name matters
/// more than the error.
void PickleMachine::fail_if_dangerous() {
  for (const auto& code : maker_.take_code()) {
    if (!code.danger.empty()) {
      input_.fail(
          fmt::format(
              "names {}, which {}, and is also invalid",
              quoted(code.name),
              code.danger),
          "do not load it with Python");
    }
  }
}

bool PickleMachine::step(unsigned char opcode) {
  constexpr unsigned char kStop = '.';
  if (opcode == kStop) {
    return false;
  }
  if (!step_number(opcode) && !step_text(opcode) && !step_container(opcode) &&
      !step_stack(opcode) && !step_object(opcode)) {
    refuse_opcode(opcode);
  }
  return true;
}

void PickleMachine::refuse_opcode(unsigned char opcode) const {
  input_.fail(fmt::format("holds the unknown opcode {:#04x}", opcode));
}

void PickleMachine::push(PickleValue value) {
  // Far more than any checkpoint has; bounds memory.
  constexpr size_t kMaxContainers = 10'000'000;
  if (is_container(value)) {
    if (containers_.size() >= kMaxContainers) {
      input_.fail("holds more than ten million lists and dictionaries");
    }
    containers_.push_back(value);
  }
  stack_.push_back(std::move(value));
}

PickleValue PickleMachine::pop() {
  PickleValue value = std::move(top());
  stack_.pop_back();
  return value;
}

PickleValue& PickleMachine::top(size_t depth) {
  const size_t bottom = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - bottom <= depth) {
    input_.fail("pops more values than the stack has");
  }
  return stack_[stack_.size() - 1 - depth];
}

PickleItems PickleMachine::pop_to_mark() {
  if (marks_.empty()) {
    input_.fail("pops values up to a missing mark");
  }
  const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  PickleItems items(
      std::make_move_iterator(first), std::make_move_iterator(stack_.end()));
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::remember(uint64_t index) {
  memo_[index] = top();
}

void PickleMachine::recall(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) {
    input_.fail(
        fmt::format("refers to memo entry {}, which does not exist", index));
  }
  stack_.push_back(found->second); // No new container.
  maker_.count_use(found->second);
}

std::shared_ptr<const void> PickleMachine::finish(const PickleValue& result) {
  const PickleTree tree = check_tree(result);
  if (!tree.problem.empty()) {
    input_.fail(tree.problem);
  }
  stack_.clear();
  memo_.clear();
  PickleItems kept;
  PickleItems rest;
  for (auto& container : containers_) {
    if (tree.containers.count(container.identity()) == 0) {
      rest.push_back(std::move(container));
      continue;
    }
    if (const auto* dict = container.get_if<PickleDict>()) {
      check_keys(*dict);
    }
    if (maker_.takes_foreign()) {
      kept.push_back(std::move(container));
    }
  }
  // Containers of the result stay; the others are emptied by the destructor.
  containers_ = std::move(rest);
  return maker_.takes_foreign() ? std::make_shared<Keeper>(std::move(kept))
                                : nullptr;
}

} // namespace coppice::archive
