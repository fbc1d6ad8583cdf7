#pragma once

#include <string>

#include "coppice/export.h"
#include "coppice/io/state_dict.h"
#include "coppice/model/model_view.h"
#include "coppice/sparsify/activation_sparsifier.h"
#include "coppice/sparsify/base_data_sparsifier.h"
#include "coppice/sparsify/base_sparsifier.h"

/// States of sparsifiers in files, in the layout of the reference: what Python
/// wrote with `torch.save(sparsifier.state_dict(), path)` loads here, and
/// `torch.load` reads what is written here.
namespace coppice {

/// Writes a state with `torch.save`'s format. Masks are float32 as in the
/// reference; "dropped", which it does not know, does not disturb it.
///
/// Errors: OutputError; c10::TypeError if a subclass remembers what has no form
///   in Python (an object of LibTorch).
COPPICE_API void save_state(
    const SparsifierState& state,
    const std::string& path);

/// The same for a data sparsifier; masks are sparse, as in the reference.
COPPICE_API void save_state(
    const DataSparsifierState& state,
    const std::string& path);

/// The same for an activation sparsifier. Functions are written by their names,
/// as text: in Python, put functions in their place before `load_state_dict`.
///
/// Errors: c10::ValueError if a function has no name; OutputError.
COPPICE_API void save_state(
    const ActivationSparsifierState& state,
    const std::string& path);

/// Reads a state that Python or `save_state` wrote.
///
/// Errors: FileError if the file is broken or holds no such state.
COPPICE_API SparsifierState load_sparsifier_state(const std::string& path);
COPPICE_API DataSparsifierState
load_data_sparsifier_state(const std::string& path);
/// Python cannot save functions as a rule: set them to None or take them out
/// there, and those of the sparsifier that loads the state are used.
COPPICE_API ActivationSparsifierState
load_activation_sparsifier_state(const std::string& path);

/// The tensors of a model under a sparsifier, as Python names those of a
/// prepared model: "fc.parametrizations.weight.original" holds the weight with
/// the dropped values put back, "fc.parametrizations.weight.0.mask" the mask
/// (float32), and "fc.weight" is not there. Shares the memory of the others.
COPPICE_API StateDict
prepared_state_dict(const ModelView& model, const BaseSparsifier& sparsifier);

/// Loads such a state, of Python or of `prepared_state_dict`. Where it has
/// no mask, as before torchao, the sparsifier's own stays. Plain names are
/// taken for tensors under the sparsifier, too: their zeros stay what they are.
///
/// Errors: c10::ValueError, before anything changes, if a tensor of the state
///   is not in the model or of another shape, or one of the model's is missing.
COPPICE_API void load_prepared_state_dict(
    const ModelView& model,
    BaseSparsifier& sparsifier,
    const StateDict& state);

/// Writes a state as `torch.save` does a model's: `load_state_dict` of Python's
/// model takes it.
///
/// Errors: OutputError.
COPPICE_API void save_torch_state_dict(
    const StateDict& state,
    const std::string& path);

} // namespace coppice
