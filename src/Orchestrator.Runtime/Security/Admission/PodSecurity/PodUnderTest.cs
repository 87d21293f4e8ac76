using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;

namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>A container of whatever kind, as the checks see it.</summary>
internal sealed record ContainerUnderTest(string Name, SecurityContext? Security, IReadOnlyList<ContainerPort> Ports);

/// <summary>A pod, or a workload's template of one.</summary>
internal sealed record PodUnderTest(IReadOnlyDictionary<string, string> Annotations, PodSpec Spec)
{
    public IReadOnlyList<ContainerUnderTest> Containers { get; } =
    [
        .. Spec.InitContainers.OrEmpty().Select(Of),
        .. Spec.Containers.OrEmpty().Select(Of),
        .. Spec.EphemeralContainers.OrEmpty()
            .Select(container => new ContainerUnderTest(container.Name ?? "", container.SecurityContext, container.Ports.OrEmpty())),
    ];

    public PodSecurityContext? Security => Spec.SecurityContext;

    public bool IsWindows => Spec.Os?.Name == "windows";

    /// <summary>The names, quoted, of the containers for which it holds.</summary>
    public List<string> Where(Func<ContainerUnderTest, bool> isBad) =>
        [.. Containers.Where(isBad).Select(container => Quoted.Text(container.Name))];

    private static ContainerUnderTest Of(Container container) =>
        new(container.Name ?? "", container.SecurityContext, container.Ports.OrEmpty());
}
