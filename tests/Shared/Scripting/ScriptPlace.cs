using System.Text.RegularExpressions;

namespace KvStore.Testing.Scripting;

/// <summary>A place of its own for each script: a namespace, a directory, a kubeconfig that names them, clients of one version.</summary>
internal sealed partial class ScriptPlace
{
    private ScriptPlace(string name, string directory) => (Name, Directory) = (name, directory);

    /// <summary>That of the namespace; scripts know it as <c>$NAMESPACE</c>.</summary>
    public string Name { get; }

    public string Directory { get; }

    public Dictionary<string, string> Environment { get; private init; } = [];

    /// <summary>What a shell of the cluster has to run before the script.</summary>
    public string MakeNamespace => $"""
        export PATH={Directory}/bin:$PATH KUBECONFIG={Environment["KUBECONFIG"]}
        kubectl create namespace {Name} && kubectl config set-context --current --namespace={Name}
        until kubectl get serviceaccount default -n {Name} > /dev/null 2>&1; do sleep 0.1; done
        """;

    /// <param name="version">Minor version of kubectl; helm goes with it.</param>
    /// <param name="clients">The folder of the clients of all versions.</param>
    public static ScriptPlace Make(
        string parent, string script, int version, string clients, string kubeconfig, IReadOnlyDictionary<string, string> environment)
    {
        string name = $"t{version}-{NotInNames().Replace(script, "")}".TrimEnd('-');
        string directory = System.IO.Directory.CreateDirectory(Path.Combine(parent, name)).FullName;
        string binaries = System.IO.Directory.CreateDirectory(Path.Combine(directory, "bin")).FullName;
        File.CreateSymbolicLink(Path.Combine(binaries, "kubectl"), Path.Combine(clients, $"kubectl-1.{version}"));
        File.CreateSymbolicLink(Path.Combine(binaries, "helm"), Path.Combine(clients, version >= 35 ? "helm-4" : "helm-3"));
        string own = Path.Combine(directory, "kubeconfig");
        File.Copy(kubeconfig, own);
        return new ScriptPlace(name, directory)
        {
            Environment = new Dictionary<string, string>(environment)
            {
                ["KUBECONFIG"] = own,
                ["HOME"] = directory,
                ["NAMESPACE"] = name,
                ["PATH"] = $"{binaries}:{System.Environment.GetEnvironmentVariable("PATH")}",
                ["KUBE_EDITOR"] = "true",
                ["LC_ALL"] = "C", // What is sorted comes in one order everywhere.
            },
        };
    }

    [GeneratedRegex("^[0-9]+-")]
    private static partial Regex NotInNames();
}
