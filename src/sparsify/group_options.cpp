#include "sparsify/group_options.h"

#include <torch/types.h>

namespace coppice::sparsify {
namespace {

constexpr const char* kLevel = "sparsity_level";

} // namespace

double to_number(const std::string& name, const c10::IValue& value) {
  TORCH_CHECK_VALUE(
      value.isDouble() || value.isInt(),
      "option `",
      name,
      "`: expected a number, got ",
      to_python_string(value));
  return value.isInt() ? static_cast<double>(value.toInt()) : value.toDouble();
}

int64_t to_integer(const std::string& name, const c10::IValue& value) {
  TORCH_CHECK_VALUE(
      value.isInt(),
      "option `",
      name,
      "`: expected a whole number, got ",
      to_python_string(value));
  return value.toInt();
}

bool to_flag(const std::string& name, const c10::IValue& value) {
  TORCH_CHECK_VALUE(
      value.isBool(),
      "option `",
      name,
      "`: expected true or false, got ",
      to_python_string(value));
  return value.toBool();
}

void print_group(
    std::ostream& stream,
    const std::string& heading,
    const Values& values) {
  stream << "\n\t" << heading << "\n";
  for (const auto& [key, value] : values) {
    stream << "\t    " << key << ": " << to_python_string(value) << "\n";
  }
}

void check_sparsity_level(double level) {
  TORCH_CHECK_VALUE(
      level >= 0 && level <= 1,
      "option `sparsity_level`: expected a fraction in [0, 1], got ",
      level);
}

void check_described_level(const Values& described) {
  const auto level = described.find(kLevel);
  if (level != described.end() && level->second.isScalar()) {
    check_sparsity_level(level->second.toScalar().toDouble());
  }
}

double described_level(
    const Values& described,
    const std::string& name,
    const std::string& sparsifier) {
  const auto level = described.find(kLevel);
  TORCH_CHECK_VALUE(
      level != described.end() &&
          (level->second.isDouble() || level->second.isInt()),
      "`",
      name,
      "` has no sparsity level: a ",
      sparsifier,
      " cannot be driven by a scheduler");
  return level->second.toScalar().toDouble();
}

SparsifierOptions options_of_described(
    const Values& described,
    const Describe& describe) {
  SparsifierOptions options;
  for (const auto& [name, value] : described) {
    options.set(name, value);
  }
  for (const auto& [name, value] : described) {
    SparsifierOptions without = options;
    without.erase(name);
    const auto filled_in = describe(without);
    const auto found = filled_in.find(name);
    if (found != filled_in.end() && same_value(found->second, value)) {
      options = without;
    }
  }
  return options;
}

} // namespace coppice::sparsify
