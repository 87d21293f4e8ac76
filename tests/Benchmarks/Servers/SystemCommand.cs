using System.Diagnostics;
using System.Globalization;

namespace KvStore.Benchmarks.Servers;

/// <summary>Runs a small tool of the system.</summary>
internal static class SystemCommand
{
    /// <returns>What it wrote to standard output.</returns>
    /// <exception cref="BenchmarkException">It failed; the message has what it said.</exception>
    public static string Run(string tool, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(tool, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new BenchmarkException($"'{tool} {string.Join(' ', arguments)}' failed: {errors.Result.Trim()}");
        return output.Trim();
    }

    /// <summary>The disk space that a directory takes: blocks, not lengths, for preallocated files would count wrongly.</summary>
    public static long AllocatedBytes(string directory) =>
        long.Parse(Run("du", "--summarize", "--block-size=1", directory).Split('\t')[0], CultureInfo.InvariantCulture);
}
