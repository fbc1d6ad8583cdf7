#include "coppice/archive/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include "coppice/archive/file_error.h"

namespace coppice {
namespace {

/// The mapped files by their first byte.
struct OpenFiles {
  std::mutex mutex;
  std::map<const std::byte*, const MappedFile*> by_begin;
};

OpenFiles& open_files() {
  static auto* const files = new OpenFiles; // Outlives static objects.
  return *files;
}

} // namespace

std::string MappedFile::path_of(const void* address) {
  auto& files = open_files();
  const std::lock_guard<std::mutex> lock(files.mutex);
  auto next =
      files.by_begin.upper_bound(static_cast<const std::byte*>(address));
  if (next == files.by_begin.begin()) {
    return "";
  }
  const MappedFile& file = *std::prev(next)->second;
  return file.holds(address) ? file.path() : "";
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a pipe would block until a writer comes.
  const int descriptor =
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    throw FileError(fmt::format(
        "{}: cannot be opened ({}); check the name.",
        path,
        std::strerror(errno)));
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, descriptor));
}

std::shared_ptr<const MappedFile> MappedFile::of_bytes(
    std::string name,
    std::vector<std::byte> bytes) {
  return std::shared_ptr<const MappedFile>(
      new MappedFile(std::move(name), std::move(bytes)));
}

std::shared_ptr<const MappedFile> MappedFile::part_of(
    std::shared_ptr<const MappedFile> file,
    ByteRange range,
    std::string name) {
  std::shared_ptr<MappedFile> part(
      new MappedFile(std::move(name), std::vector<std::byte>()));
  part->size_ = range.end - range.begin;
  part->data_ = part->size_ == 0 ? nullptr : file->data_ + range.begin;
  part->whole_ = std::move(file);
  return part;
}

MappedFile::MappedFile(std::string name, std::vector<std::byte> bytes)
    : path_(std::move(name)), size_(bytes.size()), bytes_(std::move(bytes)) {
  data_ = bytes_.empty() ? nullptr : bytes_.data();
}

MappedFile::MappedFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {
  const auto fail = [this](const char* reason) {
    close(descriptor_);
    throw FileError(fmt::format("{}: {}; give a file.", path_, reason));
  };
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) {
    fail(std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail(S_ISDIR(status.st_mode) ? "is a folder" : "is not a regular file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
  if (size_ == 0) {
    return;
  }
  void* const address =
      mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor_, 0);
  if (address == MAP_FAILED) {
    fail(std::strerror(errno));
  }
  data_ = static_cast<const std::byte*>(address);
  auto& files = open_files();
  const std::lock_guard<std::mutex> lock(files.mutex);
  files.by_begin[data_] = this;
}

MappedFile::~MappedFile() {
  if (descriptor_ < 0) {
    return;
  }
  if (data_) {
    auto& files = open_files();
    const std::lock_guard<std::mutex> lock(files.mutex);
    files.by_begin.erase(data_);
    munmap(const_cast<std::byte*>(data_), size_);
  }
  close(descriptor_);
}

} // namespace coppice
