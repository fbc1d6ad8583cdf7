#pragma once

#include "oneshot/script_evidence.h"

namespace coppice::oneshot {

/// What the graphs of a torch.export archive say of the roles of its tensors.
/// Does not load it into LibTorch. Never throws for faulty graphs.
ScriptEvidence exported_evidence(const Checkpoint& checkpoint);

} // namespace coppice::oneshot
