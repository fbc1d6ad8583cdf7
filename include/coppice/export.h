#pragma once

/// What users of libcoppice call and name. All else is hidden in the library,
/// so that it can change.
#define COPPICE_API __attribute__((visibility("default")))
