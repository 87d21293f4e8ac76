using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>Placeholder until the kinds' validation stands on main: checks what the storage key needs.</summary>
internal static class Validator
{
    public static IReadOnlyList<FieldError> ValidateCreate(IKubernetesObject created)
    {
        if (created.Name.Length == 0)
            return [FieldError.Required(FieldPath.Of("metadata", "name"), "name or generateName is required")];
        return created.Name.Contains('/', StringComparison.Ordinal)
            ? [FieldError.Invalid(FieldPath.Of("metadata", "name"), created.Name, "may not contain '/'")]
            : [];
    }

    public static IReadOnlyList<FieldError> ValidateUpdate(IKubernetesObject updated, IKubernetesObject old) => [];

    public static IReadOnlyList<FieldError> ValidateStatusUpdate(IKubernetesObject updated, IKubernetesObject old) => [];

    public static IReadOnlyList<FieldError> ValidateSubresourceUpdate(
        string subresource, IKubernetesObject updated, IKubernetesObject old) => [];
}
