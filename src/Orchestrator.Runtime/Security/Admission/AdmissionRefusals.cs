using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>How admission says no.</summary>
internal static class AdmissionRefusals
{
    /// <summary><c>pods "web-" is forbidden: TEXT</c>; an object whose name is still to be made is called by its prefix.</summary>
    public static ApiException Forbidden(AdmissionRequest request, string text) =>
        ApiErrors.Forbidden(new GroupResource(request.Resource.Group, request.Resource.Resource), NameOf(request), text);

    /// <summary>One text as it is, several in brackets, each once.</summary>
    public static string Join(IEnumerable<string> errors)
    {
        var distinct = errors.Distinct().ToList();
        return distinct.Count == 1 ? distinct[0] : $"[{string.Join(", ", distinct)}]";
    }

    private static string NameOf(AdmissionRequest request)
    {
        string?[] names = [request.Name, request.Object?.Metadata.Name, request.Object?.Metadata.GenerateName];
        return names.FirstOrDefault(name => !string.IsNullOrEmpty(name)) ?? "Unknown";
    }
}
