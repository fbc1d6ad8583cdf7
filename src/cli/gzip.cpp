#include "cli/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/errors.h"
#include "cli/input_file.h"

namespace coppice::cli {
namespace {

constexpr size_t kPiece = size_t(1) << 20;

} // namespace

void GzipReader::Close::operator()(gzFile_s* file) const {
  gzclose(file);
}

GzipReader::GzipReader(std::string path) : path_(std::move(path)) {
  require_input_file(path_);
  errno = 0;
  file_.reset(gzopen(path_.c_str(), "rbe"));
  if (!file_) {
    throw InputError(
        fmt::format("{} cannot be read ({}).", path_, std::strerror(errno)));
  }
}

std::vector<uint8_t> GzipReader::read(size_t count) {
  std::vector<uint8_t> bytes;
  while (bytes.size() < count) {
    const size_t begin = bytes.size();
    const size_t piece = std::min(kPiece, count - begin);
    bytes.resize(begin + piece);
    const int got = gzread(file_.get(), bytes.data() + begin, piece);
    bytes.resize(begin + std::max(got, 0));
    if (got < static_cast<int>(piece)) {
      check_stream(got >= 0);
      break;
    }
  }
  return bytes;
}

void GzipReader::check_stream(bool at_end) const {
  int code = Z_OK;
  const std::string reason = gzerror(file_.get(), &code);
  if (code == Z_BUF_ERROR) {
    throw InputError(fmt::format(
        "{} is cut short in the middle of its gzip stream: fetch it again.",
        path_));
  }
  if (!at_end || code < 0) {
    throw InputError(fmt::format(
        "{} cannot be read ({}): fetch it again.",
        path_,
        code == Z_ERRNO ? std::strerror(errno) : "its gzip stream is damaged"));
  }
}

size_t gzip_size(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipHeader = 16;
  if (deflateInit2(
          &stream,
          Z_DEFAULT_COMPRESSION,
          Z_DEFLATED,
          MAX_WBITS + kGzipHeader,
          MAX_MEM_LEVEL - 1,
          Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  size_t size = 0;
  std::vector<uint8_t> out(kPiece);
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream.avail_in == 0 && !bytes.empty()) {
      const size_t piece = std::min(kPiece, bytes.size());
      // zlib does not write to its input.
      stream.next_in =
          reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = piece;
      bytes.remove_prefix(piece);
    }
    stream.next_out = out.data();
    stream.avail_out = out.size();
    status = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
    size += out.size() - stream.avail_out;
  }
  deflateEnd(&stream);
  return size;
}

} // namespace coppice::cli
