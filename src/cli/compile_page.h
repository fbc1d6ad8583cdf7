#pragma once

#include <coppice/compile/compile.h>

#include <string>
#include <utility>
#include <vector>

namespace coppice::cli {

/// The subject of a page, beside the compiled model.
struct PageSubject {
  std::string kind;  ///< "coppice bench"
  std::string title; ///< The model's name.
  /// "Model", "Inputs": listed before those of the machine.
  std::vector<std::pair<std::string, std::string>> facts;
  /// A model that was compared with, whose times are in `after`.
  std::string other;
  std::vector<ModelTiming> others;
  bool is_disturbed = false; ///< See `Disturbance`.
  bool remembers = true;     ///< Whether results are cached.
};

/// The page of `--html`: totals, one row per layer, bars, layers that were not
/// replaced, maps of zeros, machine and conditions.
std::string compile_page(
    const PageSubject& subject,
    const CompiledModel& compiled);

/// Checks, before measuring, that the page can be written and would not
/// overwrite an input or the output. Does nothing if `page` is empty.
///
/// Errors: InputError, OutputError.
void check_page(
    const std::string& page,
    const std::vector<std::string>& inputs,
    const std::string& output);

} // namespace coppice::cli
