#pragma once

#include <ATen/core/interned_strings.h>

namespace coppice::graph {

/// How the result of an op depends on its inputs' values.
enum class ValueFlow {
  kView,       ///< Their elements, or some of them, in another shape or type.
  kLookup,     ///< Elements of the first input, selected by the others.
  kArithmetic, ///< Computed from each element.
  kNothing,    ///< Only from sizes, sums or comparisons.
  kUnknown,
};

/// In-place ops are treated like the others.
ValueFlow value_flow(c10::Symbol kind);

} // namespace coppice::graph
