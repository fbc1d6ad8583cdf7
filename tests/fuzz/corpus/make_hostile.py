"""Writes pickles of those who mean harm, or are broken, into pickle/hostile_*.pkl:
python3 make_hostile.py. None of them may be loaded by Python."""

import os

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pickle")


def short(text):
    return b"\x8c" + bytes([len(text)]) + text


def call(module, name, *arguments):
    return b"c" + module + b"\n" + name + b"\n(" + b"".join(arguments) + b"tR"


def text(value):
    return b"S'" + value + b"'\n"


TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x08tQK\x00"
    b"(K\x02K\x04t(K\x04K\x01t\x89ccollections\nOrderedDict\n)RtR"
)
NET = b"cgrove\nNet\n"

CASES = {
    "system": call(b"os", b"system", text(b"echo")) + b".",
    "system_popped": call(b"posix", b"system", text(b"echo")) + b"0N.",
    "system_protocol4": b"\x80\x04" + short(b"nt") + short(b"system") + b"\x93" + short(b"echo") + b"\x85R.",
    "system_inst": b"(" + text(b"echo") + b"ios\nsystem\n.",
    "system_obj": b"(cos\nsystem\n" + text(b"echo") + b"o.",
    "system_newobj": b"cos\nsystem\n(" + text(b"echo") + b"t\x81.",
    "system_newobj_ex": b"csubprocess\nPopen\n)}U\x04args](U\x04echoes\x92.",
    "system_within": b"\x80\x04" + short(b"torch.serialization") + short(b"os.system") + b"\x93" + short(b"x") + b"\x85R.",
    "getattr": call(b"__builtin__", b"getattr", call(b"__builtin__", b"__import__", text(b"os")), text(b"system")) + b"(" + text(b"echo") + b"tR.",
    "eval_in_state": NET + b")\x81}U\x01x" + call(b"__builtin__", b"eval", text(b"1")) + b"sb.",
    "eval_in_reduce_of_dict": b"}" + text(b"w") + call(b"__builtin__", b"exec", text(b"1")) + b"s.",
    "eval_as_hook": TENSOR[:-len(b"ccollections\nOrderedDict\n)RtR")] + b"ccollections\nOrderedDict\n)R" + text(b"h") + call(b"__builtin__", b"eval", text(b"1")) + b"stR.",
    "setstate_of_class": NET + b"}U\x01fcos\nsystem\nsb.",
    "extension": b"\x82\x01)R\x83\x02\x01)R\x84\x01\x02\x03\x04)R\x87.",
    "partial": b"cfunctools\npartial\n(cos\nsystem\ntR(cos\nsystem\n(" + text(b"x") + b"t}Ntb)R.",
    "memo_ring": NET + b")\x81q\x01}U\x02meh\x01sb.",
    "ring_of_two": NET + b")\x81q\x01" + NET + b")\x81q\x02}U\x01ah\x01sb}U\x01bh\x02s" + b"h\x01h\x02\x86.",
    "ring_by_arguments": NET + b"(]q\x01" + NET + b"(h\x01tRq\x02atR.",
    "ring_of_modules": NET + b")\x81q\x01}(U\x0b_parameters}U\x08_modules}U\x02meh\x01sub.",
    "module": NET + b")\x81}(U\x0b_parameters}U\x01w" + TENSOR + b"sU\x08_buffers}U\x01b" + TENSOR + b"sU\x08_modules}U\x01a" + TENSOR + b"sU\x01w" + TENSOR + b"ub.",
    "shared_modules": NET + b"q\x09N" + b"".join(
        b"q\x010h\x09)\x81}(U\x0b_parameters}U\x08_modules}(U\x01ah\x01U\x01bh\x01uub" for _ in range(40)) + b".",
    "deep_objects": NET + b"q\x010N" + b"\x85q\x020h\x01h\x02R" * 3000 + b".",
    "deep_states": NET + b"q\x010N" + b"q\x020h\x01)\x81h\x02b" * 3000 + b".",
    "array": call(b"numpy.core.multiarray", b"_reconstruct", b"cnumpy\nndarray\n(K\x00tU\x01b") + b"(K\x01(K\x02K\x03tcnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89C\x18" + bytes(24) + b"tb.",
    "array_too_short": call(b"numpy.core.multiarray", b"_reconstruct", b"cnumpy\nndarray\n(K\x00tU\x01b") + b"(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftcnumpy\ndtype\n(U\x02f4K\x00K\x01tR\x89C\x04" + bytes(4) + b"tb.",
    "array_empty": call(b"numpy.core.multiarray", b"_reconstruct", b"cnumpy\nndarray\n(K\x00tU\x01b") + b"(K\x01(K\x00\x8a\x08" + b"\xff" * 7 + b"\x7fJ\xff\xff\xff\x7ftcnumpy\ndtype\n(U\x02f4K\x00K\x01tR\x89C\x00tb.",
    "buffer": call(b"numpy.core.numeric", b"_frombuffer", b"C\x08" + bytes(8), b"cnumpy\ndtype\nU\x02f4\x85R", b"K\x02\x85", b"U\x01C") + b".",
    "wrapper": b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_wrapper_subclass\ncgrove\nTensor\n(N K".replace(b" K", b"") + b"t}U\x05inner" + TENSOR + b"stR.",
    "pairs_of_keys": NET + b")\x81(U\x01a" + TENSOR + b"U\x01a" + TENSOR + b"u}U\x01a" + TENSOR + b"sb.",
    "slots": NET + b")\x81N}U\x01w" + TENSOR + b"s\x86b.",
    "reconstructor": call(b"copy_reg", b"_reconstructor", NET, b"c__builtin__\ndict\n", b"}U\x01w" + TENSOR + b"s") + b".",
    "call_of_a_call": call(b"grove", b"make") + b")R)R)R.",
    "not_a_tuple": NET + b"]R.",
    "persid": b"Pos.system\n.",
    "text": b"(S'\\x41\\'\\n'\nV\\u0041\\U0001f600\nl.",
    "text_broken": b"S'\\x4'\n.",
}


def main():
    for name, pickle in CASES.items():
        with open(os.path.join(FOLDER, "hostile_%s.pkl" % name), "wb") as file:
            file.write(pickle)


main()
