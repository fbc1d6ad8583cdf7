#pragma once

#include <string>

#include "coppice/export.h"
#include "coppice/io/state_dict.h"
#include "coppice/model/model_view.h"
#include "coppice/sparsify/activation_sparsifier.h"
#include "coppice/sparsify/base_data_sparsifier.h"
#include "coppice/sparsify/base_sparsifier.h"

/// States of sparsifiers in files, in the layout of the reference:
/// `torch.save(sparsifier.state_dict(), path)` in Python can be loaded here,
/// and `torch.load` reads what is written here.
namespace coppice {

/// Writes a state in `torch.save`'s format. Masks are float32 as in the
/// reference, which ignores "dropped".
///
/// Errors: OutputError; c10::TypeError if the subclass's `state` holds a type
///   that Python lacks (an object of LibTorch).
COPPICE_API void save_state(
    const SparsifierState& state,
    const std::string& path);

/// The same for a data sparsifier; masks are sparse, as in the reference.
COPPICE_API void save_state(
    const DataSparsifierState& state,
    const std::string& path);

/// The same for an activation sparsifier. Functions are written as their names:
/// in Python, replace them by functions before `load_state_dict`.
///
/// Errors: c10::ValueError if a function has no name; OutputError.
COPPICE_API void save_state(
    const ActivationSparsifierState& state,
    const std::string& path);

/// Reads a state written by Python or `save_state`.
///
/// Errors: FileError if the file is broken or holds no such state.
COPPICE_API SparsifierState load_sparsifier_state(const std::string& path);
COPPICE_API DataSparsifierState
load_data_sparsifier_state(const std::string& path);
/// Python cannot save most functions: set them to None or remove them there;
/// the sparsifier that loads the state keeps its own.
COPPICE_API ActivationSparsifierState
load_activation_sparsifier_state(const std::string& path);

/// The tensors of a model under a sparsifier, named as in Python's prepared
/// models: "fc.parametrizations.weight.original" is the weight with the dropped
/// values restored, "fc.parametrizations.weight.0.mask" the mask (float32), and
/// there is no "fc.weight". Other tensors share their memory.
COPPICE_API StateDict
prepared_state_dict(const ModelView& model, const BaseSparsifier& sparsifier);

/// Loads such a state, of Python or of `prepared_state_dict`. A mask that is
/// missing, as in PyTorch before torchao, stays as it is. Plain names are
/// accepted for tensors under the sparsifier, whose masks are then applied.
///
/// Errors: c10::ValueError, before anything changes, if a tensor of the state
///   is not in the model or of another shape, or one of the model's is missing.
COPPICE_API void load_prepared_state_dict(
    const ModelView& model,
    BaseSparsifier& sparsifier,
    const StateDict& state);

/// Writes a state in the format of `torch.save(model.state_dict(), path)`.
///
/// Errors: OutputError.
COPPICE_API void save_torch_state_dict(
    const StateDict& state,
    const std::string& path);

} // namespace coppice
