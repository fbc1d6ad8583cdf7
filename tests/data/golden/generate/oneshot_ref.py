"""Independent reference of one-shot layer pruning (torch, any float dtype).

Conventions: W [rows=out, cols=in(*kh*kw)], G = sum_i x_i x_i^T [cols, cols]
(second moments of what enters the layer, never divided), keep-masks are bool, True keeps.
Layer error E(V) = tr((V-W) G (V-W)^T); relative: E / tr(W G W^T).
"""
import math, torch

# ---------------------------------------------------------------- statistics
def gram_linear(x, dtype=torch.float32):
    x = x.reshape(-1, x.shape[-1]).to(dtype)
    return x.T @ x

def unfold(x, k, stride=1, padding=0, dilation=1):
    u = torch.nn.functional.unfold(x, k, dilation=dilation, padding=padding, stride=stride)
    return u.transpose(1, 2).reshape(-1, u.shape[1])      # [n*L, C*kh*kw]

def gram_conv2d(x, k, stride=1, padding=0, dilation=1, groups=1, dtype=torch.float32):
    """[groups, cols, cols]; column order is (channel of the group, kh, kw) = weight.flatten(1)."""
    u = unfold(x.to(dtype), k, stride, padding, dilation)
    u = u.reshape(u.shape[0], groups, -1)
    return torch.stack([u[:, g].T @ u[:, g] for g in range(groups)])

def layer_error(W, V, G):
    D = (V - W).double(); return ((D @ G.double()) * D).sum().item()

def rel_error(W, V, G):
    Wd = W.double(); return layer_error(W, V, G) / max(((Wd @ G.double()) * Wd).sum().item(), 1e-300)

# ---------------------------------------------------------------- selection
def trunc_count(n, s):            # int(n*s) in double, as all references do
    return int(n * s)

def drop_lowest_rows(score, k):
    """bool drop mask: in every row the k lowest; ties: the lower index (stable sort)."""
    d = torch.zeros_like(score, dtype=torch.bool)
    if k > 0:
        d.scatter_(1, score.sort(dim=1, stable=True).indices[:, :k], True)
    return d

def drop_lowest_all(score, k):
    return drop_lowest_rows(score.reshape(1, -1), k).reshape(score.shape)

def drop_nm(score, n, m):
    """keeps n of m consecutive columns; a shorter last group of t loses min(t, m-n)."""
    d = torch.zeros_like(score, dtype=torch.bool)
    for a in range(0, score.shape[1], m):
        t = score[:, a:a + m]
        d[:, a:a + m] = drop_lowest_rows(t, min(t.shape[1], m - n))
    return d

def block_mean(score, r, c):
    """mean over the real elements of each r x c block -> [ceil(h/r), ceil(w/c)]"""
    h, w = score.shape; H, Wn = -(-h // r), -(-w // c)
    p = torch.zeros(H * r, Wn * c, dtype=score.dtype); p[:h, :w] = score
    o = torch.zeros(H * r, Wn * c, dtype=score.dtype); o[:h, :w] = 1
    f = lambda z: z.reshape(H, r, Wn, c).sum((1, 3))
    return f(p) / f(o)

def expand(b, r, c, h, w):
    return b.repeat_interleave(r, 0).repeat_interleave(c, 1)[:h, :w]

class Pattern:
    """kind: 'row' | 'layer' | 'nm' | 'block'; s sparsity; n kept of m; block r x c; scope of blocks 'row'|'layer'."""
    def __init__(s, kind, sparsity=0.5, n=2, m=4, r=1, c=1, scope='layer'):
        s.kind, s.s, s.n, s.m, s.r, s.c, s.scope = kind, sparsity, n, m, r, c, scope
    def drop(s, score, n_of=None):
        """score: elementwise, larger = keep. Blocks are scored by the mean of their elements' scores."""
        if s.kind == 'row':   return drop_lowest_rows(score, trunc_count(score.shape[1], s.s))
        if s.kind == 'layer': return drop_lowest_all(score, trunc_count(score.numel(), s.s))
        if s.kind == 'nm':    return drop_nm(score, s.n, s.m)
        b = block_mean(score, s.r, s.c)
        d = (drop_lowest_rows(b, trunc_count(b.shape[1], s.s)) if s.scope == 'row'
             else drop_lowest_all(b, trunc_count(b.numel(), s.s)))
        return expand(d, s.r, s.c, *score.shape)
    def __repr__(s):
        return {'row': f'row{s.s}', 'layer': f'layer{s.s}', 'nm': f'{s.n}:{s.m}', 'block': f'{s.r}x{s.c}@{s.s}'}[s.kind]

# ---------------------------------------------------------------- methods without weight update
def magnitude(W, pat):
    d = pat.drop(W.abs() if pat.kind != 'block' else W ** 2)
    V = W.clone(); V[d] = 0; return V, ~d

def wanda_score(W, G):
    return W.abs() * torch.diagonal(G).clamp_min(0).sqrt().reshape(1, -1)

def wanda(W, G, pat, preserve=False):
    s = wanda_score(W, G)
    if pat.kind == 'block': s = s ** 2            # a block costs the sum of squares
    if preserve: s = torch.where(W == 0, torch.full_like(s, -1.), s)
    d = pat.drop(s)
    if preserve: d |= W == 0
    V = W.clone(); V[d] = 0; return V, ~d

def ria_score(W, G, a=0.5):
    A = W.abs()
    return (A / A.sum(0, keepdim=True).clamp_min(1e-30) + A / A.sum(1, keepdim=True).clamp_min(1e-30)) * \
        torch.diagonal(G).sqrt().reshape(1, -1) ** a

# ---------------------------------------------------------------- SparseGPT
class NotPositiveDefinite(Exception): pass

def damped(G, damp, dead_mean='live'):
    """H = G + damp * mean(diag) I; a dead column (G_jj == 0) has the diagonal of a live one.
    dead_mean 'live': the mean runs over live columns, dead diagonals are set to that mean.
    dead_mean 'one' : the references' way: dead diagonals are 1 and count in the mean."""
    H = G.clone(); g = torch.diagonal(H); dead = g == 0
    if dead_mean == 'live':
        m = g[~dead].mean() if (~dead).any() else torch.ones((), dtype=G.dtype)
        H[dead, dead] = m
    else:
        H[dead, dead] = 1; m = torch.diagonal(H).mean()
    H.diagonal().add_(damp * m)
    return H, dead

def inv_chol_upper(H, way='flip'):
    """U upper with U^T U = H^-1. 'flip': one Cholesky of the reversed matrix and one triangular
    inverse (2/3 n^3); 'ref': cholesky, cholesky_inverse, cholesky (4/3 n^3)."""
    if way == 'ref':
        L, info = torch.linalg.cholesky_ex(H)
        if info.item(): raise NotPositiveDefinite(info.item())
        Hi = torch.cholesky_inverse(L)
        U, info = torch.linalg.cholesky_ex(Hi, upper=True)
        if info.item(): raise NotPositiveDefinite(info.item())
        return U
    L, info = torch.linalg.cholesky_ex(H.flip(0, 1))
    if info.item(): raise NotPositiveDefinite(info.item())
    V = L.flip(0, 1)                                   # upper, H = V V^T
    return torch.linalg.solve_triangular(V, torch.eye(V.shape[0], dtype=V.dtype), upper=True)

def sparsegpt(W, G, pat, blocksize=128, damp=0.01, preserve=False, dead_mean='live', on_failure='raise',
              way='flip', count='exact', mask=None, order=None):
    """Returns V, keep mask, info. Columns from left to right; a column that is dropped is compensated in
    all later columns. Masks are chosen when a block of `blocksize` columns is reached:
      layer: the trunc(rows*block*s) lowest w^2/U_jj^2 of the block, over all rows;
      row:   the trunc(block*s) lowest of each row of the block (no published code has it);
      nm:    at every m-th column, from the weights as compensated so far;
      block: the trunc(blocks*s) blocks of r x c with the least mean w^2/U_jj^2.
    count='reference': one more (all that are <= the (k+1)-th lowest), as the published code does."""
    if order == 'desc':                                # columns by falling diagonal (act-order)
        p = torch.argsort(torch.diagonal(G), descending=True, stable=True); q = torch.argsort(p)
        V, k, i = sparsegpt(W[:, p], G[p][:, p], pat, blocksize, damp, preserve, dead_mean, on_failure, way, count,
                            None if mask is None else mask[:, p])
        return V[:, q], k[:, q], i
    W = W.clone(); rows, cols = W.shape
    H, dead = damped(G, damp, dead_mean); W[:, dead] = 0
    info = dict(fallback=False)
    try:
        U = inv_chol_upper(H, way)
    except NotPositiveDefinite:
        if on_failure == 'raise': raise
        if on_failure == 'identity':
            U = torch.eye(cols, dtype=W.dtype)
        else:                                          # 'diagonal': Wanda-like scores, no update
            U = torch.diag(1 / torch.diagonal(H).clamp_min(1e-30).sqrt())
        info['fallback'] = True
    given = mask
    keep0 = (W != 0) if preserve else None
    keep = torch.ones_like(W, dtype=torch.bool); loss = 0.
    if pat.kind == 'nm': assert blocksize % pat.m == 0
    for a in range(0, cols, blocksize):
        b = min(a + blocksize, cols); w1 = W[:, a:b].clone(); q1 = torch.zeros_like(w1); e1 = torch.zeros_like(w1)
        U1 = U[a:b, a:b]; d2 = torch.diagonal(U1).reshape(1, -1) ** 2
        drop = torch.zeros_like(w1, dtype=torch.bool)
        if given is not None: drop = ~given[:, a:b]
        elif pat.kind != 'nm':
            sc = w1 ** 2 / d2
            if preserve: sc = torch.where(keep0[:, a:b], sc, torch.full_like(sc, -1.))
            if count == 'reference':
                t = sc.clamp_min(0).flatten().sort().values[int(sc.numel() * pat.s)]; drop = sc <= t
            else: drop = pat.drop(sc)
            if preserve: drop = drop | ~keep0[:, a:b]
        for i in range(b - a):
            if given is None and pat.kind == 'nm' and i % pat.m == 0:
                t = w1[:, i:i + pat.m] ** 2 / d2[:, i:i + pat.m]
                if preserve: t = torch.where(keep0[:, a + i:a + i + t.shape[1]], t, torch.full_like(t, -1.))
                dd = drop_lowest_rows(t, min(t.shape[1], pat.m - pat.n))
                if preserve: dd = dd | ~keep0[:, a + i:a + i + t.shape[1]]
                drop[:, i:i + pat.m] = dd
            w = w1[:, i]; q = torch.where(drop[:, i], torch.zeros_like(w), w)
            e = (w - q) / U1[i, i]; loss += (e ** 2).sum().item()
            w1[:, i:] -= e.unsqueeze(1) * U1[i, i:].unsqueeze(0)
            q1[:, i] = q; e1[:, i] = e
        W[:, a:b] = q1; keep[:, a:b] = ~drop
        W[:, b:] -= e1 @ U[a:b, b:]
    info['loss'] = loss
    return W, keep, info

# ---------------------------------------------------------------- least squares on a fixed support
def refit_exact(W, G, keep, damp=0.01, dead_mean='live', target=None):
    """min_V tr((V-W) H (V-W)^T), V zero outside keep; one Cholesky a row. target: right side T = W H (rows x cols)."""
    H, dead = damped(G, damp, dead_mean)
    T = (W @ H) if target is None else target
    V = torch.zeros_like(W)
    for i in range(W.shape[0]):
        s = keep[i].nonzero().flatten()
        if len(s):
            L = torch.linalg.cholesky(H[s][:, s]); V[i, s] = torch.cholesky_solve(T[i, s].unsqueeze(1), L).flatten()
    V[:, dead] = 0
    return V

def refit_cg(W, G, keep, damp=0.01, iters=10, start=None, dead_mean='live'):
    """the same by Jacobi-preconditioned conjugate gradients, all rows at once; 2 rows cols^2 flops a step."""
    H, dead = damped(G, damp, dead_mean); M = keep.to(W.dtype); Dinv = (1 / torch.diagonal(H)).reshape(1, -1)
    T = W @ H
    V = (W if start is None else start) * M
    R = (T - V @ H) * M; Z = R * Dinv; P = Z.clone(); rz = (R * Z).sum(1, keepdim=True)
    for _ in range(iters):
        Q = (P @ H) * M
        pq = (P * Q).sum(1, keepdim=True); a = torch.where(pq > 0, rz / pq.clamp_min(1e-300 if W.dtype == torch.float64 else 1e-38), torch.zeros_like(rz))
        V = V + a * P; R = R - a * Q; Z = R * Dinv; rz2 = (R * Z).sum(1, keepdim=True)
        b = torch.where(rz > 0, rz2 / rz.clamp_min(1e-300 if W.dtype == torch.float64 else 1e-38), torch.zeros_like(rz)); P = Z + b * P; rz = rz2
    V[:, dead] = 0
    return V

def dense_target(W, G, C, damp=0.01):
    """the weight to prune when the layer's inputs x~ already carry the error of pruned layers before it and its outputs should be
    the dense ones: argmin_V |V X~ - W X|^2 + damp m |V - W|^2 = W (C^T + damp m I)(G + damp m I)^-1, G = sum x~ x~^T,
    C = sum x~ x^T, m the mean diagonal of G over live columns."""
    H, dead = damped(G, damp); g = torch.diagonal(G); m = g[~dead].mean()
    R = C.clone(); R.diagonal().add_(damp * m); R[dead, dead] += m
    return torch.linalg.solve(H, R @ W.T).T.contiguous()

# ---------------------------------------------------------------- ADMM (Boza 2024; gradual support)
def admm(W, G, pat, iters=20, gradual=15, damp=0.1, rho=1.0, mask=None, refit=0, schedule='cubic'):
    """Columns scaled to unit diagonal: Wh = W D, Gh = D^-1 G D^-1 + damp*mean I. A support is projected from W+U in the first
    `gradual` steps (level s - s (1 - t/gradual)^3), then held."""
    norm = torch.diagonal(G).clamp_min(0).sqrt() + 1e-8
    Gh = G / norm.reshape(1, -1) / norm.reshape(-1, 1)
    B = W * norm.reshape(1, -1)
    r0 = damp * torch.diagonal(Gh).mean(); n = Gh.shape[0]
    Gh = Gh + r0 * torch.eye(n, dtype=W.dtype)
    T = B @ Gh
    inv = torch.linalg.inv(Gh + rho * torch.eye(n, dtype=W.dtype)); inv = (inv + inv.T) / 2
    U = torch.zeros_like(B); keep = mask
    import copy
    for t in range(iters):
        if mask is None and (t < gradual or keep is None):
            f = 1 - (1 - (t + 1) / gradual) ** 3 if gradual and schedule == 'cubic' else 1.
            p = copy.copy(pat); sc = (B + U) ** 2
            if pat.kind == 'nm':     # the final 2:4 support now, its complement dropped gradually
                full = pat.drop(sc); k = int(B.numel() * (1 - pat.n / pat.m) * f)
                z = torch.where(full, sc, torch.full_like(sc, math.inf)); d = drop_lowest_all(z, k)
            else:
                p.s = pat.s * f; d = p.drop(sc)
            keep = ~d
        Z = (B + U) * keep
        U = U + (B - Z)
        B = (T + rho * (Z - U)) @ inv
    V = ((B + U) * keep) / norm.reshape(1, -1)
    if refit: V = refit_cg(W, G, keep, iters=refit, start=V)
    return V, keep, {}

# ---------------------------------------------------------------- ALPS (Meng et al. 2024)
def alps(W, G, pat, damp=0.01, rho=0.1, max_iter=300, update_iter=3, switch_iter=30, cg=10):
    n = G.shape[0]; G = G.clone(); G.diagonal().add_(damp * torch.diagonal(G).mean())
    norm = torch.diagonal(G).sqrt() + 1e-8
    Gh = G / norm.reshape(1, -1) / norm.reshape(-1, 1); Bo = W * norm.reshape(1, -1); T = Bo @ Gh
    L, Q = torch.linalg.eigh(Gh.double()); inv = lambda r: ((Q / (L + r)) @ Q.T).to(W.dtype)
    proj = lambda Z: torch.where(pat.drop(Z ** 2), torch.zeros_like(Z), Z)
    D0 = proj(Bo); B, D, V = Bo.clone(), D0.clone(), torch.zeros_like(Bo); Inv = inv(rho); s0 = D == 0; init = False
    kept = (1 - pat.s if pat.kind != 'nm' else pat.n / pat.m) * W.numel()
    for i in range(max_iter):
        B = (T - V + rho * D) @ Inv
        D = proj(B + V / rho); V = V + rho * (B - D)
        if (i + 1) % update_iter == 0:
            s1 = D == 0; ch = (s1 != s0).sum().item()
            if ch / kept > 0.1: init = True; rho *= 1.3
            elif ch / kept > 0.005: init = True; rho *= 1.2
            elif ch > 0.5:
                if init: rho *= 1.1
                else: rho /= 5; B, D, V = Bo.clone(), D0.clone(), torch.zeros_like(Bo)
            else:
                if init: break
                rho /= 5
            s0 = s1; rho = min(rho, 1e6); Inv = inv(rho)
            if i >= switch_iter and ch / kept < 3e-4: break
    keep = ~pat.drop(B ** 2); keep &= B != 0
    # conjugate gradients on the support, in scaled space (Jacobi)
    M = keep.to(W.dtype); X = B * M; R = (T - X @ Gh) * M; P = R.clone(); rr = (R * R).sum(1, keepdim=True)
    for _ in range(cg):
        A = P @ Gh; a = rr / (P * A).sum(1, keepdim=True).clamp_min(1e-30); X = X + a * P; R = (R - a * A) * M
        r2 = (R * R).sum(1, keepdim=True); P = R + r2 / rr.clamp_min(1e-30) * P; rr = r2
    return X * M / norm.reshape(1, -1), keep, dict(iters=i + 1, rho=rho)

# ---------------------------------------------------------------- exact OBS (OBC, Frantar 2022), per row or over the layer
def obs_rows(W, G, damp=0.01, kmax=None, dead_mean='live'):
    """removes weights one by one in each row, each time the one of least w^2/[H^-1]_qq, with update of the row.
    Returns order [rows, k] of removal and its cost (increase of error), all rows batched."""
    H, dead = damped(G, damp, dead_mean); rows, cols = W.shape; kmax = cols if kmax is None else kmax
    Hi = torch.cholesky_inverse(torch.linalg.cholesky(H)).expand(rows, cols, cols).clone(); w = W.clone(); w[:, dead] = 0
    gone = torch.zeros(rows, cols, dtype=torch.bool); order = torch.zeros(rows, kmax, dtype=torch.long); cost = torch.zeros(rows, kmax, dtype=W.dtype)
    ar = torch.arange(rows)
    for t in range(kmax):
        dg = torch.diagonal(Hi, dim1=1, dim2=2)
        s = w ** 2 / dg; s[gone] = math.inf
        c, q = s.min(1); order[:, t] = q; cost[:, t] = c
        col = Hi[ar, :, q]; d = col[ar, q]
        w -= (w[ar, q] / d).unsqueeze(1) * col; gone[ar, q] = True; w[gone] = 0
        Hi.baddbmm_(col.unsqueeze(2), (col / d.unsqueeze(1)).unsqueeze(1), alpha=-1)
        Hi[ar, q, :] = 0; Hi[ar, :, q] = 0; Hi[ar, q, q] = 1
    return order, cost

def obc(W, G, pat, damp=0.01, chunk=None):
    """row: k removals a row; layer: the globally cheapest prefixes of all rows (greedy on the marginal costs); then refit."""
    rows, cols = W.shape
    order, cost = [], []
    chunk = chunk or max(1, int(3e8 / (cols * cols * 4)))
    for a in range(0, rows, chunk):
        o, c = obs_rows(W[a:a + chunk], G, damp); order.append(o); cost.append(c)
    order, cost = torch.cat(order), torch.cat(cost)
    keep = torch.ones_like(W, dtype=torch.bool)
    if pat.kind == 'row': keep.scatter_(1, order[:, :trunc_count(cols, pat.s)], False)
    else:
        c = torch.cummax(cost, 1).values                 # removal order inside a row is fixed
        k = trunc_count(W.numel(), pat.s); d = drop_lowest_all(c, k); n = d.sum(1)
        for i in range(rows): keep[i, order[i, :n[i]]] = False
    return refit_exact(W, G, keep, damp), keep, {}

# ---------------------------------------------------------------- 1-swaps of a mask (SparseSwaps): no weight update
def swaps(W, G, keep, max_swaps=100, eps=0.):
    """row by row: exchange one dropped p and one kept u so that the error of W*keep falls most. L = d^T G d, d = W*(1-keep);
    adding u to d and taking p out: dL = 2 w_u c_u + w_u^2 G_uu - 2 w_p c_p + w_p^2 G_pp - 2 w_u w_p G_up, c = G d."""
    keep = keep.clone(); total = 0
    g = torch.diagonal(G)
    for i in range(W.shape[0]):
        w = W[i]; d = w * (~keep[i]); c = G @ d
        for _ in range(max_swaps):
            p = (~keep[i]).nonzero().flatten(); u = keep[i].nonzero().flatten()
            if not len(p) or not len(u): break
            a = 2 * w[u] * c[u] + w[u] ** 2 * g[u]; b = -2 * w[p] * c[p] + w[p] ** 2 * g[p]
            dl = a.unsqueeze(1) + b.unsqueeze(0) - 2 * (w[u].unsqueeze(1) * w[p].unsqueeze(0)) * G[u][:, p]
            j = dl.argmin().item(); uu, pp = u[j // len(p)], p[j % len(p)]
            if dl.flatten()[j] >= -eps: break
            keep[i, uu] = False; keep[i, pp] = True; c = c + G[:, uu] * w[uu] - G[:, pp] * w[pp]; total += 1
    return keep, total

# ---------------------------------------------------------------- allocation
def erk(shapes, s):
    """densities of Erdos-Renyi-Kernel scaled to the global level, capped at 1."""
    n = [math.prod(x) for x in shapes]; total = sum(n) * (1 - s); raw = [sum(x) / math.prod(x) for x in shapes]; full = set()
    while True:
        free = total - sum(n[i] for i in full); den = sum(n[i] * raw[i] for i in range(len(n)) if i not in full); e = free / den
        over = [i for i in range(len(n)) if i not in full and e * raw[i] > 1]
        if not over: break
        full |= set(over)
    return [0. if i in full else 1 - e * raw[i] for i in range(len(n))]

def owl(scores, s, M=5., lam=0.08):
    """scores: one |W|*|X| tensor a group; the published formula (unweighted mean; equal groups -> uniform)."""
    r = [100. * (x > x.mean() * M).double().mean().item() for x in scores]; lo, hi = min(r), max(r)
    if hi == lo: return [s] * len(r)
    z = [(x - lo) / (hi - lo) * 2 * lam for x in r]; m = sum(z) / len(z)
    return [1 - (x - m + 1 - s) for x in z]

def allocate(costs, sizes, levels, s):
    """minimum of sum cost_l(level) with sum size*level >= s*sum size: Lagrangian on the lower convex hulls.
    costs[l][k] at levels[k] (levels[0] = 0)."""
    steps = []
    for l, c in enumerate(costs):
        hull = [0]
        pts = list(range(1, len(levels)))
        k = 0
        while k < len(levels) - 1:
            best = min(range(k + 1, len(levels)), key=lambda j: (c[j] - c[k]) / (levels[j] - levels[k]))
            steps.append(((c[best] - c[k]) / ((levels[best] - levels[k]) * sizes[l]), l, k, best)); k = best
    steps.sort(key=lambda t: t[0]); cur = [0.] * len(costs); need = s * sum(sizes)
    for _, l, a, b in steps:
        add = (levels[b] - levels[a]) * sizes[l]
        if need <= 0: break
        f = min(1., need / add); cur[l] = levels[a] + f * (levels[b] - levels[a]); need -= f * add
    return cur
