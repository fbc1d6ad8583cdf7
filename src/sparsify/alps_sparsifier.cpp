#include "coppice/sparsify/alps_sparsifier.h"

#include <torch/torch.h>

#include "coppice/solve/patches.h"
#include "solve/pattern_selection.h"

namespace coppice {
namespace {

Selection selection_of(const ALPSSparsifierOptions& options) {
  return solve::selection_of("ALPS", options.pattern());
}

void check(const ALPSSparsifierOptions& options) {
  options.check_ranges();
  options.with_defaults(); // Checks their types.
  selection_of(options);
}

} // namespace

ALPSSparsifier::ALPSSparsifier(ALPSSparsifierOptions options)
    : CalibratedSparsifier(options, SecondMoments::Kind::Full) {
  check_level(options.sparsity_level());
  check(options);
}

Solved ALPSSparsifier::solve(
    const Group& group,
    const std::vector<SecondMoments>& moments) {
  const ALPSSparsifierOptions options(group.options);
  const auto how = ALPSOptions()
                       .dampening(options.dampening())
                       .preserve_zeros(options.preserve_zeros());
  const auto selection = selection_of(options);
  const auto rows = rows_of(group, group.weight().detach()).to(torch::kCPU);
  return solve_groups(rows, moments, [&](const auto& part, const auto& own) {
    return solve_alps(part, own, selection, how);
  });
}

void ALPSSparsifier::check_options(const Group& group) const {
  check(ALPSSparsifierOptions(group.options));
}

Values ALPSSparsifier::describe(const SparsifierOptions& options) const {
  return ALPSSparsifierOptions(options).with_defaults();
}

std::string ALPSSparsifier::name() const {
  return "ALPSSparsifier";
}

} // namespace coppice
