using System.Diagnostics;

namespace KvStore.Mutants;

/// <summary>Builds the copy: once as it is, then again and again with one file changed.</summary>
internal sealed class Workshop(SourceCopy copy, string unchanged)
{
    private const string Simulation = "tests/KvStore.Simulation", Scenarios = "tests/KvStore.Raft.Scenarios";
    private const string Server = "src/KvStore.Server", Chaos = "chaos";
    private const string ServerName = "kvstore";

    /// <summary>For what runs for some seconds in one process.</summary>
    private const string NotAhead = "-p:PublishReadyToRun=false";

    // No analyzer has a say about bugs.
    private static readonly string[] Switches =
    [
        "-c", "Release", "-m:1", "-nodeReuse:false", "--nologo", "-v", "quiet", "-clp:NoSummary",
        "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "-p:TreatWarningsAsErrors=false",
        "-p:WarningLevel=0", "-p:GenerateDocumentationFile=false",
    ];

    public string SimulationProgram => ProgramIn(copy.Folder, Simulation);

    public string ScenarioProgram => ProgramIn(copy.Folder, Scenarios);

    /// <summary>The simulation of the code as it is, which stays so while the copy is changed.</summary>
    public string UnchangedSimulationProgram => Path.Combine(unchanged, "KvStore.Simulation.dll");

    public string ChaosProgram => Path.Combine(OutputOf(copy.Folder, Chaos), "chaos");

    public string UnchangedServerProgram => Path.Combine(unchanged, ServerName);

    /// <exception cref="BuildException"/>
    public void BuildUnchanged()
    {
        Build(Simulation, NotAhead);
        Build(Scenarios, NotAhead);
        CopyFiles(OutputOf(copy.Folder, Simulation), unchanged);
    }

    /// <summary>The server as people run it, and what runs it.</summary>
    /// <exception cref="BuildException"/>
    public void BuildUnchangedServer()
    {
        Build(Server);
        Build(Chaos);
        CopyFiles(OutputOf(copy.Folder, Server), unchanged);
    }

    /// <summary>The unchanged server with one assembly in place of its own. That one alone is not compiled ahead: a build takes a
    /// quarter of the time then, and a start some tenths of a second more.</summary>
    /// <returns>The program.</returns>
    /// <exception cref="BuildException"/>
    public string BuildPlantedServer(string project, string folder)
    {
        Build(project, "--no-restore", "--no-dependencies", NotAhead);
        CopyFiles(unchanged, folder);
        string assembly = AssemblyOf(project);
        File.Copy(Path.Combine(OutputOf(copy.Folder, project), assembly), Path.Combine(folder, assembly), overwrite: true);
        return Path.Combine(folder, ServerName);
    }

    /// <summary>Builds the changed project alone and gives it to both programs: what is inside of methods concerns no other.</summary>
    /// <exception cref="BuildException"/>
    public void BuildChanged(string project)
    {
        Build(project, "--no-restore", "--no-dependencies", NotAhead);
        string assembly = AssemblyOf(project);
        foreach (string program in new[] { Simulation, Scenarios })
        {
            string target = Path.Combine(OutputOf(copy.Folder, program), assembly);
            if (File.Exists(target))
                File.Copy(Path.Combine(OutputOf(copy.Folder, project), assembly), target, overwrite: true);
        }
    }

    private void Build(string project, params string[] more)
    {
        var start = new ProcessStartInfo("dotnet", ["build", copy.PathOf(project), .. Switches, .. more])
        {
            RedirectStandardOutput = true,
        };
        using var build = Process.Start(start)!;
        string output = build.StandardOutput.ReadToEnd();
        build.WaitForExit();
        if (build.ExitCode != 0)
            throw new BuildException($"{project} does not build:{Environment.NewLine}{output}");
    }

    private static string AssemblyOf(string project) => project == Server ? "kvstore.dll" : Path.GetFileName(project) + ".dll";

    private static string OutputOf(string folder, string project) => Path.Combine(folder, project, "bin/Release/net10.0");

    private static string ProgramIn(string folder, string project) => Path.Combine(OutputOf(folder, project), Path.GetFileName(project) + ".dll");

    private static void CopyFiles(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }
}

/// <summary>The list is wrong then, or the code was before.</summary>
internal sealed class BuildException(string message) : Exception(message);
