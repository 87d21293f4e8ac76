using System.ComponentModel;
using System.Diagnostics;

namespace Orchestrator.Host.Machine;

/// <summary>Runs programs of the machine: <c>ip</c>, <c>nft</c> and their like.</summary>
internal static class MachineTool
{
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="CommandException">It is not there or failed; the text has what it said.</exception>
    public static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, string? input = null)
    {
        var (code, output, error) = await TryAsync(program, arguments, input);
        return code == 0
            ? output
            : throw new CommandException($"'{program} {string.Join(' ', arguments)}' failed: {FirstLine(error.Length > 0 ? error : output)}");
    }

    /// <exception cref="CommandException">It is not there.</exception>
    public static async Task<(int Code, string Output, string Error)> TryAsync(string program, IReadOnlyList<string> arguments, string? input = null)
    {
        using var process = Start(program, arguments);
        // Both at once: a program that writes much to one of them would wait for ever.
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, (await error).Trim());
    }

    private static Process Start(string program, IReadOnlyList<string> arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
        }
        catch (Win32Exception fault)
        {
            throw new CommandException($"{program} cannot be run: {fault.Message}");
        }
    }

    private static string FirstLine(string text) => text.Split('\n')[0];
}
