#pragma once

#include <coppice/compile/compile.h>

#include <string>
#include <utility>
#include <vector>

namespace coppice::cli {

/// What a page is about, beside the model that was compiled.
struct PageSubject {
  std::string kind;  ///< "coppice bench"
  std::string title; ///< The model's name.
  /// "Model", "Inputs": come before those of the machine.
  std::vector<std::pair<std::string, std::string>> facts;
  /// Another model that was measured beside it, and its times as `after`.
  std::string other;
  std::vector<ModelTiming> others;
  bool is_disturbed = false; ///< See `Disturbance`.
  bool remembers = true;     ///< Whether results are cached.
};

/// The page of `--html`: totals, a row a layer, bars, what was left as it was,
/// where the zeros are, machine and conditions.
std::string compile_page(
    const PageSubject& subject,
    const CompiledModel& compiled);

/// Checks, before anything is measured, that the page can be written and would
/// overwrite neither an input nor the output. Does nothing if `page` is empty.
///
/// Errors: InputError, OutputError.
void check_page(
    const std::string& page,
    const std::vector<std::string>& inputs,
    const std::string& output);

} // namespace coppice::cli
