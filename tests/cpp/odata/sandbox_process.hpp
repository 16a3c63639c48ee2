// A real server for the connector: the sandbox of python/switchgear, in a process of its own.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

namespace switchgear {

class SandboxProcess {
 public:
  explicit SandboxProcess(std::vector<std::string> arguments) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    arguments.insert(arguments.begin(), {SANDBOX_PYTHON, "-m", "sandbox", "--port", "0"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // Without the package around it, which needs the extension module: the sandbox itself is plain Python.
    std::string path = std::string("PYTHONPATH=") + SANDBOX_FOLDER;
    std::array<char*, 2> environment = {path.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    // An orphan of a test that crashed must not hold on to the terminal of whoever waits for the test.
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const int failed = posix_spawn(&pid_, SANDBOX_PYTHON, &actions, nullptr, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
    if (failed != 0) throw std::runtime_error("the sandbox did not start");
    const std::string ready = line();
    if (ready.rfind("READY ", 0) != 0) throw std::runtime_error("the sandbox says '" + ready + "'");
    url_ = ready.substr(6);
  }
  ~SandboxProcess() {
    close(output_);
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  SandboxProcess(const SandboxProcess&) = delete;
  SandboxProcess& operator=(const SandboxProcess&) = delete;

  std::string odata() const { return url_ + "/odata/v4/maintenance"; }

 private:
  std::string line() const {
    std::string text;
    for (char c = 0; read(output_, &c, 1) == 1 && c != '\n';) text.push_back(c);
    return text;
  }

  pid_t pid_ = -1;
  int output_ = -1;
  std::string url_;
};

}  // namespace switchgear
