#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

#include "calibration/layer_survey.h"
#include "coppice/archive/mapped_file.h"
#include "coppice/oneshot/recipe.h"
#include "oneshot/prune_with_samples.h"

/// Texts of what decides how layers are solved, the same for the same, one line
/// each: an earlier run's work is of use only if they are equal.
namespace coppice::oneshot {

/// Of a file of any size, at once: its size, when it was changed, and the bytes
/// at its begin and its end, where archives have the checksums of all others.
std::string model_fact(const MappedFile& file);

/// Of samples: their structure and values; of tensors of more than 256 MiB,
/// pieces all over them.
std::string digest_of(const std::vector<c10::IValue>& inputs);

std::string digest_of(const std::string& text);

/// Of the options that change what is solved, and of the program.
std::string options_fact(const SampledOptions& options);

/// Of a part of the weight `name`: where it lies, what enters it, and its rule.
std::string part_fact(
    const std::string& name,
    const calibration::LayerPart& part,
    const calibration::InputSource& source,
    const PruneModifier& modifier);

/// Of the parts that read a source.
std::string readers_fact(const calibration::InputSource& source);

} // namespace coppice::oneshot
