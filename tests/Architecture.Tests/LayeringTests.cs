using System.Xml.Linq;

namespace Architecture.Tests;

public sealed class LayeringTests
{
    /// <summary>The arrows of ARCHITECTURE.md: what each project may know.</summary>
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["KvStore.Raft"] = [],
        ["KvStore.Storage"] = ["KvStore.Raft"],
        ["KvStore.Protocol"] = [],
        ["KvStore.Mvcc"] = ["KvStore.Raft", "KvStore.Storage", "KvStore.Protocol"],
        ["KvStore.Grpc"] = [],
        ["KvStore.Client"] = ["KvStore.Grpc", "KvStore.Protocol"],
        ["KvStore.Server"] = ["KvStore.Raft", "KvStore.Storage", "KvStore.Mvcc", "KvStore.Grpc", "KvStore.Protocol"],
        // Runs in the compiler: makes the object model of Orchestrator.Api from the schemas.
        ["Orchestrator.Api.Generator"] = [],
        ["Orchestrator.Api"] = ["Orchestrator.Api.Generator"],
        ["Orchestrator.Control"] = ["Orchestrator.Api"],
        ["Orchestrator.Cri"] = [],
        // It meets the store through etcd's API alone: a real etcd may stand there as well.
        ["Orchestrator.Runtime"] =
            ["Orchestrator.Api", "Orchestrator.Control", "Orchestrator.Cri", "KvStore.Client", "KvStore.Grpc", "KvStore.Protocol"],
        // The one place where the orchestrator and our store meet in a process, by a channel of etcd's API.
        ["Orchestrator.Host"] =
            ["Orchestrator.Api", "Orchestrator.Control", "Orchestrator.Runtime", "KvStore.Client", "KvStore.Grpc", "KvStore.Server"],
        // Runs any program that speaks etcd's API: it may not know ours.
        ["KvStore.Chaos"] = ["KvStore.Client", "KvStore.Grpc", "KvStore.Protocol"],
    };

    private static readonly string[] PureProjects = ["KvStore.Raft", "KvStore.Mvcc", "Orchestrator.Api", "Orchestrator.Control"];

    private static readonly string Root = FindRoot();

    public static TheoryData<string> Projects() => [.. Arrows.Keys];

    [Fact]
    public void Every_project_outside_of_tests_has_its_place_in_the_drawing()
    {
        var projects = new[] { "src", "chaos" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories))
            .Select(Path.GetFileNameWithoutExtension);

        Assert.Equal(Arrows.Keys.Order(), projects.Order());
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_what_its_arrows_allow(string project)
    {
        var references = Load(project).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.Empty(references.Except(Arrows[project]));
    }

    [Fact]
    public void References_are_not_inherited()
    {
        var properties = XDocument.Load(Path.Combine(Root, "Directory.Build.props"));

        Assert.Equal("true", properties.Descendants("DisableTransitiveProjectReferences").Single().Value);
    }

    [Fact]
    public void Pure_projects_ban_clocks_threads_and_disks_at_build_time()
    {
        foreach (string project in PureProjects)
        {
            Assert.Contains(Load(project).Descendants("PackageReference"),
                reference => reference.Attribute("Include")!.Value == "Microsoft.CodeAnalysis.BannedApiAnalyzers");
            string banned = File.ReadAllText(Path.Combine(Root, "src", project, "BannedSymbols.txt"));
            Assert.Contains("System.DateTime;", banned);
            Assert.Contains("System.Random;", banned);
        }
    }

    [Fact]
    public void Only_the_value_store_knows_FASTER()
    {
        var knowing = Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))
            .Where(file => File.ReadAllText(file).Contains("using FASTER."))
            .Select(file => Path.GetRelativePath(Path.Combine(Root, "src"), Path.GetDirectoryName(file)!).Replace('\\', '/'));

        Assert.All(knowing, folder => Assert.StartsWith("KvStore.Storage/Values", folder));
    }

    [Fact]
    public void Nothing_in_src_switches_a_warning_off_in_passing()
    {
        var offenders = Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))
            .Where(file => File.ReadAllText(file).Contains("#pragma warning disable"));

        Assert.Empty(offenders);
    }

    private static XDocument Load(string project) => XDocument.Load(project == "KvStore.Chaos"
        ? Path.Combine(Root, "chaos", project + ".csproj")
        : Path.Combine(Root, "src", project, project + ".csproj"));

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KvStore.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("KvStore.sln was not found above the test's folder");
    }
}
