// Package collect gathers the evidence of a sick HBase cluster into a bundle, on the primary node of an EMR cluster or any
// host with HBase's client.
//
// A bundle is a directory:
//
//	diagnostics/hbck_report.txt           hbase hbck -details, both outputs together
//	diagnostics/hbase_meta.txt            scan 'hbase:meta' in the HBase shell
//	diagnostics/hbase_rootdir_paths.txt   hdfs dfs -ls -R ROOT, or the lines of `aws s3 ls --recursive` where the root is on S3
//	diagnostics/hbase_processes.txt       HBase's processes of this host
//	diagnostics/log_copy_summary.txt      one line for each log and each command: copied, skipped or failed, and why
//	diagnostics/manifest.json             what was collected, when, by which command, with which exit code
//	diagnostics/hbck_page.html            the master's HBCK report, with a live URL; hbck_metrics.json, rits.json and more beside it
//	logs/nodes/INSTANCE/applications/hbase/*.log.gz
//
// A failed command never ends a run: what is missing is written down, as it is evidence too. Secrets stay behind: HBase
// writes its whole environment into its logs at start, and those lines are dropped.
package collect
