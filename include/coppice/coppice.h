#pragma once

// All of Coppice. Start with `BaseSparsifier` for its life from `prepare` to
// `squash_mask`, or take a mask function of masks/ alone.

#include "coppice/core/fqn.h"
#include "coppice/core/pattern.h"
#include "coppice/core/sparsity_levels.h"
#include "coppice/core/torch_compat.h"
#include "coppice/core/values.h"
#include "coppice/masks/block.h"
#include "coppice/masks/measure.h"
#include "coppice/masks/nearly_diagonal.h"
#include "coppice/masks/nm.h"
#include "coppice/masks/norm.h"
#include "coppice/masks/select.h"
#include "coppice/masks/weight_norm.h"
#include "coppice/model/masked_parameter.h"
#include "coppice/model/model_view.h"
#include "coppice/schedule/base_scheduler.h"
#include "coppice/schedule/cubic_sl.h"
#include "coppice/schedule/lambda_sl.h"
#include "coppice/sparsify/base_sparsifier.h"
#include "coppice/sparsify/nearly_diagonal_sparsifier.h"
#include "coppice/sparsify/sparsifier_options.h"
#include "coppice/sparsify/weight_norm_sparsifier.h"
