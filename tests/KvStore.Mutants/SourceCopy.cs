namespace KvStore.Mutants;

/// <summary>A copy of what the simulation, the scenarios, the server and the rig are built from, in which files may be
/// changed.</summary>
/// <remarks>It stays between two campaigns, so that the next one builds only what has changed.</remarks>
internal sealed class SourceCopy(string root, string copy)
{
    /// <summary>Folders, and single files, that the programs are made of.</summary>
    private static readonly string[] Parts =
    [
        "src", "proto", "tests/KvStore.Simulation", "tests/KvStore.Raft.Scenarios", "tests/KvStore.Mvcc.Tests/Model",
        "chaos", "tests/Shared/Linux",
        "Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig",
    ];

    public string Folder => copy;

    public string PathOf(string file) => Path.Combine(copy, file);

    /// <summary>Makes it the same as the original, and touches nothing that is the same already.</summary>
    public void Update()
    {
        var wanted = Parts.SelectMany(FilesOf).ToHashSet();
        foreach (string file in wanted)
            Take(file);
        foreach (string file in Parts.SelectMany(part => FilesBelow(copy, part)).Where(file => !wanted.Contains(file)).ToList())
            File.Delete(PathOf(file));
    }

    /// <summary>The wrong lines are there as long as something is built of them.</summary>
    public void WithPlanted(Mutant mutant, Action build)
    {
        string path = PathOf(mutant.File);
        string original = File.ReadAllText(path);
        File.WriteAllText(path, mutant.Plant(original));
        try
        {
            build();
        }
        finally
        {
            File.WriteAllText(path, original);
        }
    }

    private IEnumerable<string> FilesOf(string part) => File.Exists(Path.Combine(root, part)) ? [part] : FilesBelow(root, part);

    private static IEnumerable<string> FilesBelow(string top, string part)
    {
        string folder = Path.Combine(top, part);
        return !Directory.Exists(folder) ? [] : Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(top, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(name => name is "bin" or "obj"));
    }

    private void Take(string file)
    {
        byte[] content = File.ReadAllBytes(Path.Combine(root, file));
        string target = PathOf(file);
        if (File.Exists(target) && File.ReadAllBytes(target).AsSpan().SequenceEqual(content))
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.WriteAllBytes(target, content);
    }
}
