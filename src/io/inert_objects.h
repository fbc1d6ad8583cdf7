#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/pickle_value.h"

/// Recognizes objects of common libraries by their form.
namespace coppice::io {

/// The attributes of a `torch.nn.Module` of any class; null for other values.
/// `value` is the state of an object.
const PickleDict* module_attributes(const PickleValue& value);

/// Why the parameters of a module are not weights: "an embedding"; empty if
/// they may be.
std::string why_no_weights(const PickleInert& module);

bool is_optimizer(const PickleInert& object);

/// The parts of a `functools.partial`: its function, arguments, keywords and
/// attributes. Null for other objects.
const PickleTuple* parts_of_partial(const PickleInert& object);

/// Whether torch makes a tensor from it, of an unsupported kind.
bool is_tensor_function(const PickleInert& object);

bool is_numpy_array(const PickleInert& object);
/// A view of an array of numbers in the pickle; nullopt for other arrays.
std::optional<PickleTensor> tensor_of_array(const PickleInert& array);
/// The items of an array of objects; null for other arrays.
const std::vector<PickleValue>* objects_of_array(const PickleInert& array);

} // namespace coppice::io
