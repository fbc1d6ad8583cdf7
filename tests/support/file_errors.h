#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>

namespace coppice::testing {

/// The message of `work`'s `Error`; fails the test if there is none.
template <typename Error, typename Work>
std::string sentence_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another error was thrown: " << error.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

} // namespace coppice::testing
