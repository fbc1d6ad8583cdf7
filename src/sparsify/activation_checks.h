#pragma once

#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/sparsify/activation_group.h"
#include "coppice/sparsify/activation_options.h"

/// Preconditions of an activation sparsifier's functions. All throw
/// c10::ValueError.
namespace coppice::sparsify {

void check_has_site(const ActivationLayer& layer);

/// `features` need `feature_dim`.
void check_features(const ActivationOptions& options);

/// All three functions are set, and the mask function accepts the sparse
/// configuration.
void check_functions(const ActivationOptions& options);

/// Every watched layer has got an activation, and unless there are no layers,
/// some are watched.
void check_can_step(const std::vector<ActivationGroup>& groups);

/// Every layer has a mask.
void check_can_squash(const std::vector<ActivationGroup>& groups);

} // namespace coppice::sparsify
