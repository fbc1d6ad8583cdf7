#include "archive/pickle_danger.h"

#include <algorithm>
#include <array>

namespace coppice::archive {
namespace {

constexpr std::string_view kPrograms = "runs programs";
constexpr std::string_view kCode = "runs code from the file";
constexpr std::string_view kPickles = "loads another pickle, and so any code";
constexpr std::string_view kFiles = "reads or changes files";
constexpr std::string_view kNetwork = "reaches the network";
constexpr std::string_view kImports = "imports or loads any code";
constexpr std::string_view kReaches = "reaches any function by its name";

/// A function, or a module with all its content.
struct Row {
  std::string_view name;
  std::string_view danger;
  /// Whether it also matches within other names. Not for names that packages
  /// commonly give their own modules.
  bool anywhere = true;
};

constexpr bool kFirst = false;

constexpr Row kRows[] = {
    {"os", kPrograms},
    {"posix", kPrograms},
    {"nt", kPrograms},
    {"subprocess", kPrograms},
    {"_posixsubprocess", kPrograms},
    {"_winapi", kPrograms},
    {"pty", kPrograms},
    {"popen2", kPrograms},
    {"commands", kPrograms, kFirst},
    {"platform.popen", kPrograms},
    {"distutils.spawn", kPrograms},
    {"distutils.core.run_setup", kPrograms},
    {"numpy.distutils", kPrograms},
    {"numpy.f2py", kPrograms},
    {"asyncio", kPrograms, kFirst},
    {"multiprocessing", kPrograms},
    {"concurrent.futures", kPrograms},
    {"torch.multiprocessing", kPrograms},
    {"torch.utils.collect_env", kPrograms},
    {"pydoc", kPrograms},
    {"webbrowser", kPrograms},
    {"antigravity", kPrograms},
    {"signal", kPrograms, kFirst},
    {"sys", kCode},
    {"_thread", kCode},
    {"threading", kCode, kFirst},
    {"atexit", kCode},
    {"gc", kCode, kFirst},
    {"builtins.exec", kCode},
    {"builtins.eval", kCode},
    {"builtins.execfile", kCode},
    {"builtins.compile", kCode},
    {"builtins.apply", kCode},
    {"builtins.map", kCode},
    {"builtins.filter", kCode},
    {"builtins.breakpoint", kCode},
    {"builtins.input", kCode},
    {"builtins.raw_input", kCode},
    {"builtins.reload", kCode},
    {"builtins.exit", kPrograms},
    {"builtins.quit", kPrograms},
    {"builtins.help", kPrograms},
    {"functools.reduce", kCode},
    {"itertools.starmap", kCode},
    {"code", kCode, kFirst},
    {"codeop", kCode},
    {"pdb", kCode},
    {"bdb", kCode},
    {"ptpython", kCode, kFirst},
    {"IPython", kCode, kFirst},
    {"timeit", kCode},
    {"trace", kCode, kFirst},
    {"profile", kCode, kFirst},
    {"cProfile", kCode},
    {"doctest", kCode},
    {"unittest", kCode, kFirst},
    {"idlelib", kCode},
    {"lib2to3", kCode},
    {"types.FunctionType", kCode},
    {"types.LambdaType", kCode},
    {"types.CodeType", kCode},
    {"types.MethodType", kReaches},
    {"types.ModuleType", kImports},
    {"marshal", kCode},
    {"numexpr", kCode, kFirst},
    {"numpy.testing", kCode},
    {"pandas.eval", kCode},
    {"sympy.sympify", kCode},
    {"logging.config", kCode},
    {"torch.fx.graph_module", kCode},
    {"torch.fx._symbolic_trace", kCode},
    {"torch._dynamo", kCode},
    {"torch._inductor", kCode},
    {"torch.jit.CompilationUnit", kCode},
    {"torch.jit.unsupported_tensor_ops", kCode},
    {"pickle", kPickles},
    {"_pickle", kPickles},
    {"cPickle", kPickles},
    {"pickletools", kPickles},
    {"dill", kPickles},
    {"cloudpickle", kPickles},
    {"joblib", kPickles},
    {"shelve", kPickles},
    {"jsonpickle", kPickles},
    {"yaml", kPickles, kFirst},
    {"numpy.load", kPickles},
    {"pandas.read_pickle", kPickles},
    {"torch.load", kPickles},
    {"torch.serialization.load", kPickles},
    {"torch.serialization._load", kPickles},
    {"torch.serialization._legacy_load", kPickles},
    {"torch.storage._load_from_bytes", kPickles},
    {"torch.hub", kPickles},
    {"torch.jit.load", kPickles},
    {"torch.package", kPickles},
    {"torch.distributed.rpc", kPickles},
    {"torch.utils.model_zoo", kPickles},
    {"builtins.open", kFiles},
    {"builtins.file", kFiles},
    {"io", kFiles, kFirst},
    {"_io", kFiles},
    {"_pyio", kFiles},
    {"codecs.open", kFiles},
    {"codecs.EncodedFile", kFiles},
    {"shutil", kFiles},
    {"tempfile", kFiles},
    {"glob", kFiles, kFirst},
    {"fileinput", kFiles},
    {"linecache", kFiles},
    {"filecmp", kFiles},
    {"mmap", kFiles, kFirst},
    {"zipfile", kFiles, kFirst},
    {"tarfile", kFiles},
    {"gzip.open", kFiles},
    {"bz2.open", kFiles},
    {"lzma.open", kFiles},
    {"dbm", kFiles, kFirst},
    {"sqlite3", kFiles},
    {"numpy.save", kFiles},
    {"numpy.savetxt", kFiles},
    {"numpy.fromfile", kFiles},
    {"numpy.memmap", kFiles},
    {"numpy.loadtxt", kFiles},
    {"numpy.genfromtxt", kFiles},
    {"torch.save", kFiles},
    {"torch.from_file", kFiles},
    {"torch.serialization.save", kFiles},
    {"socket", kNetwork},
    {"_socket", kNetwork},
    {"socketserver", kNetwork},
    {"ssl", kNetwork},
    {"select", kNetwork, kFirst},
    {"urllib", kNetwork, kFirst},
    {"urllib2", kNetwork, kFirst},
    {"urllib3", kNetwork, kFirst},
    {"http", kNetwork, kFirst},
    {"httplib", kNetwork, kFirst},
    {"requests", kNetwork, kFirst},
    {"httpx", kNetwork, kFirst},
    {"aiohttp", kNetwork, kFirst},
    {"ftplib", kNetwork},
    {"smtplib", kNetwork},
    {"poplib", kNetwork},
    {"imaplib", kNetwork},
    {"nntplib", kNetwork},
    {"telnetlib", kNetwork},
    {"xmlrpc", kNetwork},
    {"xmlrpclib", kNetwork},
    {"paramiko", kNetwork, kFirst},
    {"builtins.__import__", kImports},
    {"importlib", kImports},
    {"_frozen_importlib", kImports},
    {"_frozen_importlib_external", kImports},
    {"imp", kImports},
    {"runpy", kImports},
    {"pkgutil", kImports},
    {"pkg_resources", kImports},
    {"zipimport", kImports},
    {"site", kImports, kFirst},
    {"pip", kImports, kFirst},
    {"ensurepip", kImports},
    {"venv", kImports, kFirst},
    {"setuptools", kImports, kFirst},
    {"ctypes", kImports},
    {"_ctypes", kImports},
    {"cffi", kImports, kFirst},
    {"torch.ops", kImports},
    {"torch._ops", kImports},
    {"torch.classes", kImports},
    {"torch.utils.cpp_extension", kImports},
    {"builtins.getattr", kReaches},
    {"builtins.setattr", kReaches},
    {"builtins.delattr", kReaches},
    {"builtins.globals", kReaches},
    {"builtins.locals", kReaches},
    {"builtins.vars", kReaches},
    {"operator.attrgetter", kReaches},
    {"operator.methodcaller", kReaches},
    {"_operator.attrgetter", kReaches},
    {"_operator.methodcaller", kReaches},
    {"copyreg.add_extension", kReaches},
    {"copyreg.pickle", kReaches},
    {"weakref.finalize", kCode},
};

/// Harmless parts of dangerous modules.
constexpr std::array<std::string_view, 10> kSafe = {
    "os.PathLike",
    "os.stat_result",
    "os.terminal_size",
    "io.BytesIO",
    "io.StringIO",
    "_io.BytesIO",
    "_io.StringIO",
    "multiprocessing.context",
    "sys.version_info",
    "torch._dynamo.eval_frame.OptimizedModule",
};

/// Whether `name` is `whole` or nested in it.
bool is_within(std::string_view name, std::string_view whole) {
  return name.substr(0, whole.size()) == whole &&
      (name.size() == whole.size() || name[whole.size()] == '.');
}

/// Special names such as `__globals__` give access to everything. `__new__` is
/// not among them: it only names its class.
bool is_dunder(std::string_view part) {
  return part.size() > 4 && part.substr(0, 2) == "__" &&
      part.substr(part.size() - 2) == "__" && part != "__new__";
}

/// The danger of a name or of a suffix of it.
std::string_view danger_at(std::string_view name, bool is_first) {
  if (std::find(kSafe.begin(), kSafe.end(), name) != kSafe.end() ||
      is_within(name, "os.path")) {
    return "";
  }
  // Only the methods of these classes are dangerous.
  if (is_within(name, "pathlib") &&
      std::count(name.begin(), name.end(), '.') > 1) {
    return kFiles;
  }
  for (const auto& row : kRows) {
    if ((is_first || row.anywhere) && is_within(name, row.name)) {
      return row.danger;
    }
  }
  return "";
}

} // namespace

std::string_view danger_of(std::string_view name) {
  for (size_t at = 0; at <= name.size();) {
    const auto rest = name.substr(at);
    if (const auto danger = danger_at(rest, at == 0); !danger.empty()) {
      return danger;
    }
    const auto part = rest.substr(0, rest.find('.'));
    if (at > 0 && is_dunder(part)) {
      return kReaches;
    }
    at += part.size() + 1;
  }
  return "";
}

bool is_harmless(std::string_view name) {
  constexpr std::array<std::string_view, 11> kHarmless = {
      "numpy.core.multiarray._reconstruct",
      "numpy.core.numeric._frombuffer",
      "numpy._core.numeric._frombuffer",
      "numpy.ndarray",
      "copyreg._reconstructor",
      "builtins.object",
      "builtins.slice",
      "builtins.range",
      "builtins.xrange",
      "builtins.Ellipsis",
      "builtins.NotImplemented",
  };
  return std::find(kHarmless.begin(), kHarmless.end(), name) != kHarmless.end();
}

} // namespace coppice::archive
