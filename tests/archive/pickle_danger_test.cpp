#include "archive/pickle_danger.h"

#include <gtest/gtest.h>

namespace coppice::archive::pickle_danger_test {
namespace {

TEST(PickleDanger, IsKnownByName) {
  for (const char* name :
       {"os.system",
        "os.execv",
        "posix.system",
        "nt.popen",
        "subprocess.Popen",
        "subprocess.check_output",
        "pty.spawn",
        "builtins.exec",
        "builtins.eval",
        "builtins.compile",
        "builtins.__import__",
        "builtins.getattr",
        "builtins.open",
        "runpy._run_code",
        "importlib.import_module",
        "socket.create_connection",
        "shutil.rmtree",
        "pickle.loads",
        "_pickle.Unpickler",
        "dill.loads",
        "dill._dill._create_function",
        "webbrowser.open",
        "ctypes.CDLL",
        "torch.hub.load",
        "torch.load",
        "torch.serialization.load",
        "torch.storage._load_from_bytes",
        "torch.fx.graph_module.reduce_graph_module",
        "operator.methodcaller",
        "types.FunctionType",
        "sys.exit"}) {
    EXPECT_NE(danger_of(name), "") << name;
  }
}

TEST(PickleDanger, IsSeenWithinOtherNames) {
  for (const char* name :
       {"torch.serialization.os.system",
        "torch.serialization.os",
        "os.path.os.system",
        "grove.subprocess.run",
        "collections.OrderedDict.__init__.__globals__",
        "grove.Net.__reduce__",
        "pathlib.Path.unlink"}) {
    EXPECT_NE(danger_of(name), "") << name;
  }
}

TEST(PickleDanger, IsNotInWhatModelsHold) {
  for (const char* name :
       {"torch.nn.modules.linear.Linear",
        "torch.nn.functional.relu",
        "torch._C._nn.gelu",
        "torch._C._distributed_c10d.ProcessGroup",
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "argparse.Namespace",
        "pathlib.PosixPath",
        "datetime.datetime",
        "functools.partial",
        "collections.Counter",
        "enum.Enum",
        "os.PathLike",
        "os.path.join",
        "posixpath.join",
        "operator.getitem",
        "typing.Any",
        "builtins.type",
        "__main__.Net",
        "ossaudiodev.open",
        "osmnx.Graph",
        "system.Net",
        "my.io.Reader",
        "my.profile.Profile",
        "io.BytesIO",
        "",
        ".",
        "a..b"}) {
    EXPECT_EQ(danger_of(name), "") << name;
  }
}

} // namespace
} // namespace coppice::archive::pickle_danger_test
