#pragma once

// What holds of every sparsifier that is a solver of solve/.

#include <gtest/gtest.h>

#include <functional>

#include "coppice/solve/solvers.h"
#include "sparsify/calibrated_nets.h"

namespace coppice::testing {

using SolveByHand =
    std::function<Solved(const torch::Tensor& weight, const SecondMoments&)>;

/// The weight of the linear layer is as the solver makes it.
template <class Sparsifier, class Options>
void expect_solved(const Options& options, const SolveByHand& solve) {
  const auto images = calibration_images(60);
  auto net = seeded_calibrated_net();
  const auto weight = net->fc->weight.detach().clone();
  Sparsifier sparsifier;
  sparsifier.prepare(*net, {{"fc.weight", options}});
  net->forward(images);
  sparsifier.step();
  const auto right = solve(
      weight, moments_by_hand(images, SecondMoments::Kind::Full).fc.front());
  EXPECT_TRUE(sparsifier.mask("fc.weight").equal(right.mask));
  EXPECT_TRUE(net->fc->weight.equal(right.weight));
  sparsifier.squash_mask();
  EXPECT_TRUE(net->fc->weight.equal(right.weight));
}

template <class Sparsifier>
void expect_second_step_keeps_the_zeros(Sparsifier& sparsifier) {
  auto net = seeded_calibrated_net();
  sparsifier.prepare(*net, {{"fc.weight"}});
  net->forward(calibration_images(60));
  sparsifier.step();
  const auto mask = sparsifier.mask("fc.weight");
  sparsifier.step();
  EXPECT_TRUE(sparsifier.mask("fc.weight").equal(mask));
}

} // namespace coppice::testing
