using System.Diagnostics;

namespace KvStore.Chaos.Rig;

/// <summary>Runs the system's programs to their end.</summary>
internal static class Shell
{
    // None of them takes a second; one that hangs must not hang the run.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <returns>What it wrote to its output.</returns>
    /// <exception cref="RigException">It failed, or did not end.</exception>
    public static Task<string> RunAsync(string program, params string[] arguments) => RunAsync(program, arguments, input: null);

    /// <param name="input">What it reads from its standard input.</param>
    /// <exception cref="RigException">It failed, or did not end.</exception>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string? input)
    {
        var (code, output, error) = await TryAsync(program, arguments, input);
        return code == 0
            ? output
            : throw new RigException($"{program} {string.Join(' ', arguments)} failed with {code}: {error.Trim()} {output.Trim()}");
    }

    /// <returns>Its exit code and what it wrote.</returns>
    /// <exception cref="RigException">It did not start, or did not end.</exception>
    public static async Task<(int Code, string Output, string Error)> TryAsync(
        string program, IEnumerable<string> arguments, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Start(start);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it read all: its exit code and its words say why.
        }
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            process.Kill();
            throw new RigException($"{program} {string.Join(' ', arguments)} did not end in {Limit.TotalSeconds} s");
        }
        return (process.ExitCode, await output, await error);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new RigException($"{start.FileName} did not start");
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new RigException($"{start.FileName} cannot be started: {missing.Message}", missing);
        }
    }
}
