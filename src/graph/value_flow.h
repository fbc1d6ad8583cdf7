#pragma once

#include <ATen/core/interned_strings.h>

namespace coppice::graph {

/// What the result of an op has of its inputs' values.
enum class ValueFlow {
  kView,       ///< Their elements: in another shape or type, or some of them.
  kLookup,     ///< Elements of the first that the others choose.
  kArithmetic, ///< Something computed of each element.
  kNothing,    ///< Only facts about them: sizes, sums, comparisons.
  kUnknown,
};

/// Ops that write to their input count as those that do not.
ValueFlow value_flow(c10::Symbol kind);

} // namespace coppice::graph
