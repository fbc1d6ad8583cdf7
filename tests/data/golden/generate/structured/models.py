"""Small models, one a pattern: name -> (class, shape of the input or of several, options)."""
import math, torch
from torch import nn
import torch.nn.functional as F
M = {}
def model(*shape, **kw):
    def deco(c):
        M[c.__name__] = (c, shape, kw); return c
    return deco
def cbr(i, o, k=3, s=1, g=1): return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o), nn.ReLU())

@model((2, 12))
class mlp(nn.Module):
    def __init__(s):
        super().__init__(); s.net = nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 4))
    def forward(s, x): return s.net(x)

@model((2, 1, 14, 14))
class lenet_flatten(nn.Module):
    def __init__(s):
        super().__init__(); s.c1 = nn.Conv2d(1, 4, 3); s.c2 = nn.Conv2d(4, 6, 3); s.f1 = nn.Linear(6 * 4, 10); s.f2 = nn.Linear(10, 3)
    def forward(s, x):
        x = F.max_pool2d(F.relu(s.c1(x)), 2); x = F.max_pool2d(F.relu(s.c2(x)), 2)
        return s.f2(F.relu(s.f1(x.view(-1, 24))))

@model((2, 3, 8, 8))
class resnet_basic(nn.Module):
    class Block(nn.Module):
        def __init__(s, i, o, st):
            super().__init__(); s.c1 = nn.Conv2d(i, o, 3, st, 1, bias=False); s.b1 = nn.BatchNorm2d(o); s.c2 = nn.Conv2d(o, o, 3, 1, 1, bias=False); s.b2 = nn.BatchNorm2d(o)
            s.down = nn.Sequential(nn.Conv2d(i, o, 1, st, bias=False), nn.BatchNorm2d(o)) if st != 1 or i != o else nn.Identity()
        def forward(s, x):
            y = F.relu(s.b1(s.c1(x))); y = s.b2(s.c2(y)); return F.relu(y + s.down(x))
    def __init__(s):
        super().__init__(); s.stem = cbr(3, 6); s.l1 = s.Block(6, 6, 1); s.l2 = s.Block(6, 8, 2); s.l3 = s.Block(8, 8, 1); s.fc = nn.Linear(8, 5)
    def forward(s, x): return s.fc(F.adaptive_avg_pool2d(s.l3(s.l2(s.l1(s.stem(x)))), 1).flatten(1))

@model((2, 3, 8, 8))
class resnet_padshort(nn.Module):
    """CIFAR ResNet option A: strided slice and zero padding of channels on the shortcut"""
    def __init__(s):
        super().__init__(); s.stem = cbr(3, 6); s.c1 = nn.Conv2d(6, 12, 3, 2, 1, bias=False); s.b1 = nn.BatchNorm2d(12); s.c2 = nn.Conv2d(12, 12, 3, 1, 1, bias=False); s.b2 = nn.BatchNorm2d(12); s.fc = nn.Linear(12, 4)
    def forward(s, x):
        x = s.stem(x); y = s.b2(s.c2(F.relu(s.b1(s.c1(x)))))
        x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 3, 3))
        return s.fc(F.relu(x + y).mean((2, 3)))

@model((2, 3, 8, 8))
class resnet_bottleneck(nn.Module):
    class Block(nn.Module):
        def __init__(s, i, m, o, g=1):
            super().__init__(); s.c1 = nn.Conv2d(i, m, 1, bias=False); s.b1 = nn.BatchNorm2d(m); s.c2 = nn.Conv2d(m, m, 3, 1, 1, groups=g, bias=False); s.b2 = nn.BatchNorm2d(m); s.c3 = nn.Conv2d(m, o, 1, bias=False); s.b3 = nn.BatchNorm2d(o)
            s.down = nn.Sequential(nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o)) if i != o else nn.Identity()
        def forward(s, x):
            y = F.relu(s.b1(s.c1(x))); y = F.relu(s.b2(s.c2(y))); return F.relu(s.b3(s.c3(y)) + s.down(x))
    def __init__(s):
        super().__init__(); s.stem = cbr(3, 6); s.l1 = s.Block(6, 4, 12); s.l2 = s.Block(12, 4, 12); s.fc = nn.Linear(12, 5)
    def forward(s, x): return s.fc(s.l2(s.l1(s.stem(x))).mean((2, 3)))

@model((2, 3, 8, 8))
class regnet_groups(nn.Module):
    def __init__(s):
        super().__init__(); B = resnet_bottleneck.Block; s.stem = cbr(3, 8); s.l1 = B(8, 8, 8, 2); s.l2 = B(8, 12, 12, 3); s.fc = nn.Linear(12, 5)
    def forward(s, x): return s.fc(s.l2(s.l1(s.stem(x))).mean((2, 3)))

@model((2, 3, 8, 8))
class densenet(nn.Module):
    class Layer(nn.Module):
        def __init__(s, i, g): super().__init__(); s.n = nn.BatchNorm2d(i); s.c = nn.Conv2d(i, g, 3, 1, 1, bias=False)
        def forward(s, x): return torch.cat([x, s.c(F.relu(s.n(x)))], 1)
    def __init__(s):
        super().__init__(); s.stem = nn.Conv2d(3, 6, 3, 1, 1); s.l1 = s.Layer(6, 4); s.l2 = s.Layer(10, 4); s.t = nn.Conv2d(14, 8, 1); s.n = nn.BatchNorm2d(8); s.fc = nn.Linear(8, 4)
    def forward(s, x): return s.fc(F.relu(s.n(F.avg_pool2d(s.t(s.l2(s.l1(s.stem(x)))), 2))).mean((2, 3)))

@model((2, 3, 8, 8))
class mobilenetv2(nn.Module):
    class IR(nn.Module):
        def __init__(s, i, e, o):
            super().__init__(); s.b = nn.Sequential(nn.Conv2d(i, e, 1, bias=False), nn.BatchNorm2d(e), nn.ReLU6(), nn.Conv2d(e, e, 3, 1, 1, groups=e, bias=False), nn.BatchNorm2d(e), nn.ReLU6(), nn.Conv2d(e, o, 1, bias=False), nn.BatchNorm2d(o)); s.res = i == o
        def forward(s, x):
            y = s.b(x)
            if s.res: y = y + x
            return y
    def __init__(s):
        super().__init__(); s.stem = cbr(3, 6, 3, 2); s.a = s.IR(6, 12, 6); s.b = s.IR(6, 12, 8); s.fc = nn.Linear(8, 4)
    def forward(s, x): return s.fc(s.b(s.a(s.stem(x))).mean([2, 3]))

@model((2, 4, 8, 8))
class depthwise_multiplier(nn.Module):
    def __init__(s):
        super().__init__(); s.p = nn.Conv2d(4, 6, 1); s.d = nn.Conv2d(6, 12, 3, padding=1, groups=6); s.q = nn.Conv2d(12, 4, 1)
    def forward(s, x): return s.q(F.relu(s.d(F.relu(s.p(x))))).mean((2, 3))

@model((2, 3, 8, 8))
class squeezenet_fire(nn.Module):
    def __init__(s):
        super().__init__(); s.stem = nn.Conv2d(3, 6, 3); s.sq = nn.Conv2d(6, 4, 1); s.e1 = nn.Conv2d(4, 6, 1); s.e3 = nn.Conv2d(4, 6, 3, padding=1); s.cls = nn.Conv2d(12, 5, 1)
    def forward(s, x):
        x = F.relu(s.sq(F.relu(s.stem(x)))); x = torch.cat([F.relu(s.e1(x)), F.relu(s.e3(x))], 1)
        return F.adaptive_avg_pool2d(F.relu(s.cls(x)), (1, 1)).flatten(1)

@model((2, 3, 8, 8))
class inception(nn.Module):
    """GoogLeNet / Inception: four branches, one of them a pool"""
    def __init__(s):
        super().__init__(); s.stem = cbr(3, 8); s.b1 = cbr(8, 4, 1); s.b2 = nn.Sequential(cbr(8, 6, 1), cbr(6, 6)); s.b3 = nn.Sequential(cbr(8, 4, 1), cbr(4, 4, 5)); s.b4 = cbr(8, 4, 1); s.fc = nn.Linear(18, 4)
    def forward(s, x):
        x = s.stem(x); x = torch.cat([s.b1(x), s.b2(x), s.b3(x), s.b4(F.max_pool2d(x, 3, 1, 1))], 1)
        return s.fc(x.mean((2, 3)))

@model((2, 3, 8, 8))
class shufflenet(nn.Module):
    class Unit(nn.Module):
        def __init__(s, c): super().__init__(); h = c // 2; s.b = nn.Sequential(nn.Conv2d(h, h, 1, bias=False), nn.BatchNorm2d(h), nn.ReLU(), nn.Conv2d(h, h, 3, 1, 1, groups=h, bias=False), nn.BatchNorm2d(h), nn.Conv2d(h, h, 1, bias=False), nn.BatchNorm2d(h), nn.ReLU())
        def forward(s, x):
            a, b = x.chunk(2, 1); x = torch.cat([a, s.b(b)], 1); n, c, h, w = x.size()
            return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
    def __init__(s): super().__init__(); s.stem = cbr(3, 12); s.u1 = s.Unit(12); s.u2 = s.Unit(12); s.fc = nn.Linear(12, 4)
    def forward(s, x): return s.fc(s.u2(s.u1(s.stem(x))).mean((2, 3)))

@model((2, 3, 8, 8))
class unet(nn.Module):
    def __init__(s):
        super().__init__(); s.d1 = cbr(3, 4); s.d2 = cbr(4, 8); s.mid = cbr(8, 12); s.u2 = nn.ConvTranspose2d(12, 8, 2, 2); s.c2 = cbr(16, 6); s.u1 = nn.ConvTranspose2d(6, 4, 2, 2); s.c1 = cbr(8, 4); s.out = nn.Conv2d(4, 2, 1)
    def forward(s, x):
        a = s.d1(x); b = s.d2(F.max_pool2d(a, 2)); m = s.mid(F.max_pool2d(b, 2))
        y = s.c2(torch.cat([b, s.u2(m)], 1)); y = s.c1(torch.cat([a, s.u1(y)], 1)); return s.out(y)

@model((2, 3, 8, 8))
class se_block(nn.Module):
    def __init__(s):
        super().__init__(); s.c = cbr(3, 8); s.d = cbr(8, 8); s.f1 = nn.Linear(8, 4); s.f2 = nn.Linear(4, 8); s.fc = nn.Linear(8, 4)
    def forward(s, x):
        x = s.c(x); y = s.d(x); n, c, _, _ = y.size()
        g = torch.sigmoid(s.f2(F.relu(s.f1(F.adaptive_avg_pool2d(y, 1).view(n, c))))).view(n, c, 1, 1)
        return s.fc((y * g + x).mean((2, 3)))

@model((3, 5, 6))
class lstm(nn.Module):
    def __init__(s): super().__init__(); s.i = nn.Linear(6, 8); s.r = nn.LSTM(8, 6, num_layers=2, batch_first=True); s.o = nn.Linear(6, 3)
    def forward(s, x):
        y, _ = s.r(F.relu(s.i(x))); return s.o(y[:, -1])

@model((3, 5, 6))
class bilstm(nn.Module):
    def __init__(s): super().__init__(); s.r = nn.LSTM(6, 4, batch_first=True, bidirectional=True); s.o = nn.Linear(8, 3)
    def forward(s, x):
        y, _ = s.r(x); return s.o(y.mean(1))

@model((3, 5, 6))
class gru(nn.Module):
    def __init__(s): super().__init__(); s.i = nn.Linear(6, 8); s.r = nn.GRU(8, 6, batch_first=True); s.o = nn.Linear(6, 3)
    def forward(s, x):
        y, _ = s.r(s.i(x)); return s.o(y)

class Attn(nn.Module):
    """separate q, k, v; head dim from the sizes at hand"""
    def __init__(s, d, h, hd=None):
        super().__init__(); s.h = h; s.hd = hd or d // h; s.q = nn.Linear(d, h * s.hd); s.k = nn.Linear(d, h * s.hd); s.v = nn.Linear(d, h * s.hd); s.o = nn.Linear(h * s.hd, d)
    def forward(s, x):
        n, t, _ = x.size()
        q = s.q(x).view(n, t, s.h, s.hd).transpose(1, 2); k = s.k(x).view(n, t, s.h, s.hd).transpose(1, 2); v = s.v(x).view(n, t, s.h, s.hd).transpose(1, 2)
        a = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(s.hd), -1)
        return s.o((a @ v).transpose(1, 2).reshape(n, t, s.h * s.hd))

@model((2, 5, 8), heads={"a.q": 4, "a.k": 4, "a.v": 4})
class transformer_layer(nn.Module):
    def __init__(s): super().__init__(); s.n1 = nn.LayerNorm(8); s.a = Attn(8, 4); s.n2 = nn.LayerNorm(8); s.f1 = nn.Linear(8, 16); s.f2 = nn.Linear(16, 8); s.h = nn.Linear(8, 3)
    def forward(s, x):
        x = x + s.a(s.n1(x)); x = x + s.f2(F.gelu(s.f1(s.n2(x)))); return s.h(x)

@model((2, 5, 8))
class torch_encoder_layer(nn.Module):
    """nn.TransformerEncoderLayer: packed in_proj, F.multi_head_attention_forward"""
    def __init__(s): super().__init__(); s.e = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True); s.h = nn.Linear(8, 3)
    def forward(s, x): return s.h(s.e(x))

@model((2, 3, 8, 8), heads={"qkv": 2})
class vit(nn.Module):
    def __init__(s):
        super().__init__(); s.p = nn.Conv2d(3, 8, 4, 4); s.cls = nn.Parameter(torch.randn(1, 1, 8)); s.pos = nn.Parameter(torch.randn(1, 5, 8)); s.n1 = nn.LayerNorm(8); s.qkv = nn.Linear(8, 24); s.pr = nn.Linear(8, 8); s.n2 = nn.LayerNorm(8); s.f1 = nn.Linear(8, 12); s.f2 = nn.Linear(12, 8); s.n3 = nn.LayerNorm(8); s.h = nn.Linear(8, 4)
    def forward(s, x):
        n = x.size(0); x = s.p(x).flatten(2).transpose(1, 2); x = torch.cat([s.cls.expand(n, -1, -1), x], 1) + s.pos; t = x.size(1)
        q, k, v = s.qkv(s.n1(x)).reshape(n, t, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        a = torch.softmax((q * 4 ** -0.5) @ k.transpose(-2, -1), -1); x = x + s.pr((a @ v).transpose(1, 2).reshape(n, t, 8))
        x = x + s.f2(F.gelu(s.f1(s.n2(x)))); return s.h(s.n3(x)[:, 0])

@model("ids", heads={"c_attn": 2})
class gpt2(nn.Module):
    """tied embedding, fused qkv with split, causal mask, learned positions"""
    def __init__(s):
        super().__init__(); s.wte = nn.Embedding(16, 8); s.wpe = nn.Embedding(6, 8); s.n1 = nn.LayerNorm(8); s.c_attn = nn.Linear(8, 24); s.c_proj = nn.Linear(8, 8); s.n2 = nn.LayerNorm(8); s.fc = nn.Linear(8, 16); s.pr = nn.Linear(16, 8); s.nf = nn.LayerNorm(8); s.head = nn.Linear(8, 16, bias=False); s.head.weight = s.wte.weight
    def forward(s, ids):
        n, t = ids.size(); x = s.wte(ids) + s.wpe(torch.arange(t)); q, k, v = s.c_attn(s.n1(x)).split(8, dim=2)
        q = q.view(n, t, 2, 4).transpose(1, 2); k = k.view(n, t, 2, 4).transpose(1, 2); v = v.view(n, t, 2, 4).transpose(1, 2)
        w = (q @ k.transpose(-1, -2)) / 2.0; m = torch.ones(t, t).tril() == 0; w = torch.softmax(w.masked_fill(m, -1e9), -1)
        x = x + s.c_proj((w @ v).transpose(1, 2).reshape(n, t, 8)); x = x + s.pr(F.gelu(s.fc(s.n2(x)))); return s.head(s.nf(x))

@model("ids", heads={"q": 4, "k": 2, "v": 2})
class llama(nn.Module):
    """grouped-query attention, SwiGLU, RMSNorm, rotary embedding"""
    class RMS(nn.Module):
        def __init__(s, d): super().__init__(); s.w = nn.Parameter(torch.rand(d) + .5)
        def forward(s, x): return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * s.w
    def __init__(s):
        super().__init__(); s.emb = nn.Embedding(16, 8); s.n1 = s.RMS(8); s.q = nn.Linear(8, 16, bias=False); s.k = nn.Linear(8, 8, bias=False); s.v = nn.Linear(8, 8, bias=False); s.o = nn.Linear(16, 8, bias=False); s.n2 = s.RMS(8); s.w1 = nn.Linear(8, 12, bias=False); s.w3 = nn.Linear(8, 12, bias=False); s.w2 = nn.Linear(12, 8, bias=False); s.nf = s.RMS(8); s.head = nn.Linear(8, 16, bias=False)
        p = torch.arange(8)[:, None] * (1.0 / 100 ** (torch.arange(2) / 2)); s.register_buffer("cos", p.cos().repeat(1, 2)); s.register_buffer("sin", p.sin().repeat(1, 2))
    def rot(s, x, t: int):
        c, d = s.cos[:t], s.sin[:t]; y = torch.cat([-x[..., 2:], x[..., :2]], -1); return x * c + y * d
    def forward(s, ids):
        n, t = ids.size(); x = s.emb(ids); h = s.n1(x)
        q = s.rot(s.q(h).view(n, t, 4, 4).transpose(1, 2), t); k = s.rot(s.k(h).view(n, t, 2, 4).transpose(1, 2), t); v = s.v(h).view(n, t, 2, 4).transpose(1, 2)
        k = k[:, :, None].expand(n, 2, 2, t, 4).reshape(n, 4, t, 4); v = v[:, :, None].expand(n, 2, 2, t, 4).reshape(n, 4, t, 4)
        w = (q @ k.transpose(-1, -2)) * 0.5; w = torch.softmax(w + torch.full((t, t), -1e9).triu(1), -1)
        x = x + s.o((w @ v).transpose(1, 2).reshape(n, t, 16)); h = s.n2(x); x = x + s.w2(F.silu(s.w1(h)) * s.w3(h)); return s.head(s.nf(x))

@model((2, 4, 16))
class conv1d(nn.Module):
    def __init__(s): super().__init__(); s.a = nn.Conv1d(4, 8, 3, padding=1); s.n = nn.BatchNorm1d(8); s.b = nn.Conv1d(8, 6, 3); s.o = nn.Linear(6 * 7, 3)
    def forward(s, x): return s.o(F.max_pool1d(F.relu(s.b(F.relu(s.n(s.a(x))))), 2).flatten(1))

@model((1, 2, 6, 6, 6))
class conv3d(nn.Module):
    def __init__(s): super().__init__(); s.a = nn.Conv3d(2, 6, 3); s.n = nn.BatchNorm3d(6); s.b = nn.Conv3d(6, 4, 3); s.o = nn.Linear(4, 3)
    def forward(s, x): return s.o(F.relu(s.b(F.relu(s.n(s.a(x))))).mean((2, 3, 4)))

@model("ids")
class tied_embedding(nn.Module):
    def __init__(s): super().__init__(); s.e = nn.Embedding(16, 6); s.h = nn.Linear(6, 10); s.g = nn.Linear(10, 6); s.o = nn.Linear(6, 16, bias=False); s.o.weight = s.e.weight
    def forward(s, ids): return s.o(s.g(F.relu(s.h(s.e(ids)))))

@model((1, 3, 6, 6))
class pixel_shuffle(nn.Module):
    def __init__(s): super().__init__(); s.a = nn.Conv2d(3, 8, 3, padding=1); s.u = nn.Conv2d(8, 16, 3, padding=1); s.o = nn.Conv2d(4, 3, 3, padding=1)
    def forward(s, x): return s.o(F.pixel_shuffle(s.u(F.relu(s.a(x))), 2))

@model((2, 4, 6, 6))
class permute_linear(nn.Module):
    """channels last between: conv, permute, linear over channels, permute back, conv"""
    def __init__(s): super().__init__(); s.a = nn.Conv2d(4, 6, 3); s.l = nn.Linear(6, 8); s.b = nn.Conv2d(8, 4, 3)
    def forward(s, x): return s.b(F.relu(s.l(F.relu(s.a(x)).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)).flatten(1)

@model((2, 16))
class linear_to_conv(nn.Module):
    """a decoder: linear, view to channels, transposed convolutions"""
    def __init__(s): super().__init__(); s.l = nn.Linear(16, 8 * 4); s.a = nn.ConvTranspose2d(8, 6, 2, 2); s.b = nn.ConvTranspose2d(6, 3, 2, 2, groups=3)
    def forward(s, x): return s.b(F.relu(s.a(F.relu(s.l(x)).view(-1, 8, 2, 2))))

@model((2, 4, 8, 8))
class group_norm(nn.Module):
    def __init__(s): super().__init__(); s.a = nn.Conv2d(4, 12, 3); s.n = nn.GroupNorm(4, 12); s.b = nn.Conv2d(12, 6, 3); s.i = nn.InstanceNorm2d(6, affine=True); s.c = nn.Conv2d(6, 4, 3)
    def forward(s, x): return s.c(F.relu(s.i(s.b(F.relu(s.n(s.a(x)))))))

@model((2, 3, 8, 8))
class prelu(nn.Module):
    def __init__(s): super().__init__(); s.a = nn.Conv2d(3, 6, 3); s.p = nn.PReLU(6); s.b = nn.Conv2d(6, 6, 3); s.q = nn.PReLU(); s.c = nn.Conv2d(6, 3, 3)
    def forward(s, x): return s.c(s.q(s.b(s.p(s.a(x)))))

@model((1, 3, 16, 16))
class convnext(nn.Module):
    class Block(nn.Module):
        def __init__(s, d): super().__init__(); s.dw = nn.Conv2d(d, d, 7, padding=3, groups=d); s.n = nn.LayerNorm(d); s.p1 = nn.Linear(d, 4 * d); s.p2 = nn.Linear(4 * d, d); s.g = nn.Parameter(torch.rand(d))
        def forward(s, x):
            y = s.p2(F.gelu(s.p1(s.n(s.dw(x).permute(0, 2, 3, 1))))); return x + (y * s.g).permute(0, 3, 1, 2)
    def __init__(s): super().__init__(); s.stem = nn.Conv2d(3, 6, 4, 4); s.b = s.Block(6); s.c = s.Block(6); s.fc = nn.Linear(6, 3)
    def forward(s, x): return s.fc(s.c(s.b(s.stem(x))).mean((2, 3)))

@model((1, 3, 8, 8))
class mlp_mixer(nn.Module):
    def __init__(s): super().__init__(); s.p = nn.Conv2d(3, 6, 4, 4); s.n1 = nn.LayerNorm(6); s.t1 = nn.Linear(4, 8); s.t2 = nn.Linear(8, 4); s.n2 = nn.LayerNorm(6); s.c1 = nn.Linear(6, 10); s.c2 = nn.Linear(10, 6); s.h = nn.Linear(6, 3)
    def forward(s, x):
        x = s.p(x).flatten(2).transpose(1, 2); x = x + s.t2(F.gelu(s.t1(s.n1(x).transpose(1, 2)))).transpose(1, 2)
        x = x + s.c2(F.gelu(s.c1(s.n2(x)))); return s.h(x.mean(1))

@model((1, 4, 4, 8), heads={"qkv": 2})
class swin(nn.Module):
    """window attention with shift, relative bias, and patch merging"""
    def __init__(s): super().__init__(); s.i = nn.Linear(8, 8); s.n = nn.LayerNorm(8); s.qkv = nn.Linear(8, 24); s.pr = nn.Linear(8, 8); s.bias = nn.Parameter(torch.randn(2, 4, 4)); s.f1 = nn.Linear(8, 12); s.f2 = nn.Linear(12, 8); s.m = nn.Linear(32, 6, bias=False); s.h = nn.Linear(6, 3)
    def forward(s, x):
        x = s.i(x); h = torch.roll(s.n(x), (-1, -1), (1, 2)); B, H, W, C = 1, 4, 4, 8
        h = h.view(B, 2, 2, 2, 2, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, C)
        q, k, v = s.qkv(h).reshape(-1, 4, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        a = torch.softmax(q @ k.transpose(-2, -1) * 0.5 + s.bias.unsqueeze(0), -1); h = s.pr((a @ v).transpose(1, 2).reshape(-1, 4, C))
        h = torch.roll(h.view(B, 2, 2, 2, 2, C).permute(0, 1, 3, 2, 4, 5).reshape(B, H, W, C), (1, 1), (1, 2)); x = x + h; x = x + s.f2(F.gelu(s.f1(x)))
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1); return s.h(s.m(x).mean((1, 2)))

@model((2, 6, 8, 8))
class batchnorm_alone(nn.Module):
    def __init__(s): super().__init__(); s.n0 = nn.BatchNorm2d(6); s.a = nn.Conv2d(6, 8, 3); s.n1 = nn.BatchNorm2d(8); s.b = nn.Conv2d(8, 4, 3); s.n2 = nn.BatchNorm2d(4)
    def forward(s, x): return s.n2(s.b(F.relu(s.n1(s.a(s.n0(x))))))

@model((2, 8))
class module_list_shared(nn.Module):
    """a list of layers in a loop, and one layer called twice"""
    def __init__(s): super().__init__(); s.i = nn.Linear(8, 10); s.ls = nn.ModuleList([nn.Linear(10, 10) for _ in range(3)]); s.sh = nn.Linear(10, 10); s.o = nn.Linear(10, 4)
    def forward(s, x):
        x = s.i(x)
        for l in s.ls: x = F.relu(l(x))
        x = F.relu(s.sh(x)); x = F.relu(s.sh(x)); return s.o(x)

@model((2, 4, 6, 6))
class split_glu(nn.Module):
    """GLU by chunk; uneven split to two consumers"""
    def __init__(s): super().__init__(); s.a = nn.Conv2d(4, 12, 3); s.b = nn.Conv2d(6, 10, 1); s.c = nn.Conv2d(4, 5, 1); s.d = nn.Conv2d(6, 5, 1)
    def forward(s, x):
        u, g = s.a(x).chunk(2, 1); y = s.b(u * torch.sigmoid(g)); p, q = torch.split(F.relu(y), [4, 6], 1); return s.c(p) + s.d(q)

@model((2, 6, 5))
class unknown_op(nn.Module):
    """cumsum and topk over features: nothing may be removed there, elsewhere it may"""
    def __init__(s): super().__init__(); s.a = nn.Linear(5, 8); s.b = nn.Linear(8, 8); s.c = nn.Linear(8, 6); s.d = nn.Linear(6, 3)
    def forward(s, x):
        x = F.relu(s.a(x)); y = torch.sort(s.b(x), -1)[0]; return s.d(torch.relu(s.c(y)))

@model((2, 3, 8, 8))
class sigmoid_path(nn.Module):
    """a removed channel is not zero after its activation; padding makes a constant border"""
    def __init__(s): super().__init__(); s.a = nn.Conv2d(3, 6, 3, padding=1); s.b = nn.Conv2d(6, 6, 3, padding=1); s.c = nn.Linear(6, 3)
    def forward(s, x): return s.c(torch.sigmoid(s.b(torch.sigmoid(s.a(x)))).mean((2, 3)))

@model((2, 3, 8, 8), (2, 5))
class two_inputs_outputs(nn.Module):
    def __init__(s): super().__init__(); s.a = nn.Conv2d(3, 8, 3); s.l = nn.Linear(5, 8); s.b = nn.Conv2d(8, 6, 3); s.c = nn.Conv2d(6, 2, 1); s.f = nn.Linear(6, 3)
    def forward(s, x, z):
        x = F.relu(s.a(x) + s.l(z)[:, :, None, None]); x = F.relu(s.b(x)); return s.c(x), s.f(x.mean((2, 3)))

def make(name):
    import zlib
    c, shapes, kw = M[name]
    torch.manual_seed(zlib.crc32(name.encode()) % 10000)
    m = c().eval()
    with torch.no_grad():
        for k, b in m.named_buffers():
            if k.endswith("running_mean"): b.normal_(0, .3)
            if k.endswith("running_var"): b.uniform_(.5, 1.5)
        for q in m.modules():
            if isinstance(q, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)) and getattr(q, "weight", None) is not None:
                q.weight.uniform_(.5, 1.5); q.bias.normal_(0, .2)
            if isinstance(q, nn.PReLU) and q.weight.numel() > 1: q.weight.uniform_(.05, .5)
    g = torch.Generator().manual_seed(77)
    xs = [torch.randint(0, 16, (2, 6), generator=g)] if shapes == ("ids",) else [torch.randn(*sh, generator=g) for sh in shapes]
    return m, xs, kw
