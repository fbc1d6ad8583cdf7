#include "schedule/state_reader.h"

#include <c10/util/Exception.h>

#include <utility>

namespace coppice::schedule {
namespace {

void check_type(
    bool is_right,
    const std::string& key,
    const char* expected,
    const c10::IValue& value) {
  TORCH_CHECK_VALUE(
      is_right,
      "load_state_dict: expected `",
      key,
      "` to be ",
      expected,
      ", got ",
      to_python_string(value));
}

bool is_number(const c10::IValue& value) {
  return value.isDouble() || value.isInt();
}

} // namespace

StateReader::StateReader(Values state, size_t groups)
    : rest_(std::move(state)), groups_(groups) {}

bool StateReader::boolean(const std::string& key) {
  const auto value = take(key);
  check_type(value.isBool(), key, "a bool", value);
  return value.toBool();
}

int64_t StateReader::integer(const std::string& key) {
  const auto value = take(key);
  check_type(value.isInt(), key, "an int", value);
  return value.toInt();
}

std::vector<double> StateReader::numbers(const std::string& key) {
  std::vector<double> numbers;
  for (const auto& value : take_list(key)) {
    check_type(is_number(value), key, "a list of numbers", value);
    numbers.push_back(value.toScalar().toDouble());
  }
  return numbers;
}

std::vector<int64_t> StateReader::integers(const std::string& key) {
  std::vector<int64_t> integers;
  for (const auto& value : take_list(key)) {
    check_type(value.isInt(), key, "a list of ints", value);
    integers.push_back(value.toInt());
  }
  return integers;
}

std::vector<bool> StateReader::booleans(const std::string& key) {
  std::vector<bool> booleans;
  for (const auto& value : take_list(key)) {
    check_type(value.isBool(), key, "a list of bools", value);
    booleans.push_back(value.toBool());
  }
  return booleans;
}

bool StateReader::contains(const std::string& key) const {
  return rest_.count(key) > 0;
}

const Values& StateReader::rest() const {
  return rest_;
}

void StateReader::expect_nothing_left() const {
  if (rest_.empty()) {
    return;
  }
  const auto& [key, value] = *rest_.begin();
  TORCH_CHECK_VALUE(
      false,
      "load_state_dict: unknown key `",
      key,
      "` with value ",
      to_python_string(value));
}

c10::IValue StateReader::take(const std::string& key) {
  auto entry = rest_.extract(key);
  TORCH_CHECK_VALUE(
      !entry.empty(), "load_state_dict: the key `", key, "` is missing");
  return std::move(entry.mapped());
}

std::vector<c10::IValue> StateReader::take_list(const std::string& key) {
  const auto value = take(key);
  check_type(value.isList(), key, "a list", value);
  auto items = value.toList().vec();
  TORCH_CHECK_VALUE(
      items.size() == groups_,
      "load_state_dict: expected `",
      key,
      "` to have one value per group, ",
      groups_,
      " in all, got ",
      items.size(),
      ": ",
      to_python_string(value));
  return items;
}

} // namespace coppice::schedule
