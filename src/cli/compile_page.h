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
  bool remembers = true; ///< Layers that were measured before are not again.
};

/// The page of `--html`: totals, a row a layer, bars, what was left as it was,
/// where the zeros are, machine and conditions.
std::string compile_page(
    const PageSubject& subject,
    const CompiledModel& compiled);

/// Refuses a page that would overwrite an input or the file beside it, and
/// tries to write there: before the measurement, not after it. Does nothing for
/// an empty `page`.
///
/// Errors: InputError, OutputError.
void check_page(
    const std::string& page,
    const std::vector<std::string>& models,
    const std::string& output);

} // namespace coppice::cli
