#pragma once

#include "oneshot/script_evidence.h"

namespace coppice::oneshot {

/// What the graphs in an archive of torch.export tell about the role of its
/// tensors. Loads nothing into LibTorch. Never throws for faulty graphs.
ScriptEvidence exported_evidence(const Checkpoint& checkpoint);

} // namespace coppice::oneshot
