using System.Diagnostics;

namespace KvStore.Testing.Linux;

/// <summary>Programs of the system.</summary>
internal static class Tools
{
    /// <exception cref="InvalidOperationException">It failed; the message has its output.</exception>
    public static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed: {error.GetAwaiter().GetResult()}{output}");
    }
}
