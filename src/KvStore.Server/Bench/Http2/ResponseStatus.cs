using System.Globalization;

namespace KvStore.Server.Bench.Http2;

/// <summary>Reads a call's outcome from the fields of one header block.</summary>
internal static class ResponseStatus
{
    /// <returns>The outcome, or null when the block says nothing of it: the headers of a response that goes on.</returns>
    public static CallOutcome? Read(List<HeaderField> fields, bool isTrailer)
    {
        string? httpStatus = null, grpcStatus = null, message = null;
        foreach (var field in fields)
        {
            switch (field.Name)
            {
                case ":status": httpStatus = field.Value; break;
                case "grpc-status": grpcStatus = field.Value; break;
                case "grpc-message": message = field.Value; break;
            }
        }
        if (!isTrailer && httpStatus != "200")
            return CallOutcome.Broken($"the server answered with HTTP status {httpStatus ?? "(none)"}");
        if (grpcStatus == "0")
            return CallOutcome.Ok;
        if (grpcStatus is null)
            return null;
        if (!int.TryParse(grpcStatus, NumberStyles.None, CultureInfo.InvariantCulture, out int code))
            return CallOutcome.Broken($"the server answered with grpc-status '{grpcStatus}', which is no number");
        return new CallOutcome(code, Uri.UnescapeDataString(message ?? ""));
    }
}
