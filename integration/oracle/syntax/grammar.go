package syntax

import "strings"

// Grammar returns the kinds of nodes, as [Kinds] names them, that PostgreSQL
// 15's grammar makes of SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE, COPY,
// PREPARE, EXECUTE, DECLARE, FETCH, EXPLAIN, CREATE TABLE AS and CREATE VIEW.
// What it makes of newer grammars only (the JSON nodes of 16 and 17) is not
// among them, nor what only server-side languages use.
func Grammar() []string { return strings.Fields(strings.ReplaceAll(grammar, ",", " ")) }

const grammar = `
SelectStmt SelectStmt/all SelectStmt/SETOP_UNION SelectStmt/SETOP_INTERSECT SelectStmt/SETOP_EXCEPT SelectStmt/group_distinct
SelectStmt/LIMIT_OPTION_COUNT SelectStmt/LIMIT_OPTION_WITH_TIES IntoClause IntoClause/ONCOMMIT_DROP IntoClause/ONCOMMIT_DELETE_ROWS
IntoClause/ONCOMMIT_PRESERVE_ROWS IntoClause/skip_data ResTarget WithClause WithClause/recursive CommonTableExpr
CommonTableExpr/CTEMaterializeAlways CommonTableExpr/CTEMaterializeNever CTESearchClause CTESearchClause/search_breadth_first
CTECycleClause LockingClause LockingClause/LCS_FORKEYSHARE LockingClause/LCS_FORSHARE LockingClause/LCS_FORNOKEYUPDATE
LockingClause/LCS_FORUPDATE LockingClause/LockWaitSkip LockingClause/LockWaitError SortBy SortBy/SORTBY_ASC SortBy/SORTBY_DESC
SortBy/SORTBY_USING SortBy/SORTBY_NULLS_FIRST SortBy/SORTBY_NULLS_LAST GroupingSet GroupingSet/GROUPING_SET_EMPTY
GroupingSet/GROUPING_SET_ROLLUP GroupingSet/GROUPING_SET_CUBE GroupingSet/GROUPING_SET_SETS GroupingFunc
WindowDef WindowDef/refname WindowDef/RANGE WindowDef/ROWS WindowDef/GROUPS WindowDef/EXCLUDE

RangeVar RangeVar/alias RangeVar/schemaname RangeSubselect RangeSubselect/lateral RangeFunction RangeFunction/lateral
RangeFunction/ordinality RangeFunction/is_rowsfrom RangeFunction/alias RangeTableSample RangeTableFunc RangeTableFunc/lateral
RangeTableFuncCol RangeTableFuncCol/for_ordinality RangeTableFuncCol/is_not_null Alias ColumnDef
JoinExpr JoinExpr/JOIN_INNER JoinExpr/JOIN_LEFT JoinExpr/JOIN_RIGHT JoinExpr/JOIN_FULL JoinExpr/is_natural

ColumnRef A_Star ParamRef A_Const A_Const/ival A_Const/fval A_Const/boolval A_Const/sval A_Const/bsval A_Const/isnull
Integer Float String BitString Boolean TypeCast TypeName CollateClause A_Indirection A_Indices A_Indices/is_slice A_ArrayExpr RowExpr
RowExpr/COERCE_EXPLICIT_CALL RowExpr/COERCE_IMPLICIT_CAST
A_Expr A_Expr/AEXPR_OP A_Expr/AEXPR_OP_ANY A_Expr/AEXPR_OP_ALL A_Expr/AEXPR_DISTINCT A_Expr/AEXPR_NOT_DISTINCT A_Expr/AEXPR_NULLIF
A_Expr/AEXPR_IN A_Expr/AEXPR_LIKE A_Expr/AEXPR_ILIKE A_Expr/AEXPR_SIMILAR A_Expr/AEXPR_BETWEEN A_Expr/AEXPR_NOT_BETWEEN
A_Expr/AEXPR_BETWEEN_SYM A_Expr/AEXPR_NOT_BETWEEN_SYM BoolExpr BoolExpr/AND_EXPR BoolExpr/OR_EXPR BoolExpr/NOT_EXPR
NullTest NullTest/IS_NULL NullTest/IS_NOT_NULL BooleanTest BooleanTest/IS_TRUE BooleanTest/IS_NOT_TRUE BooleanTest/IS_FALSE
BooleanTest/IS_NOT_FALSE BooleanTest/IS_UNKNOWN BooleanTest/IS_NOT_UNKNOWN
SubLink SubLink/EXISTS_SUBLINK SubLink/ALL_SUBLINK SubLink/ANY_SUBLINK SubLink/EXPR_SUBLINK SubLink/ARRAY_SUBLINK
CaseExpr CaseWhen CoalesceExpr MinMaxExpr MinMaxExpr/IS_GREATEST MinMaxExpr/IS_LEAST NamedArgExpr SQLValueFunction
SQLValueFunction/SVFOP_CURRENT_DATE SQLValueFunction/SVFOP_CURRENT_USER SQLValueFunction/SVFOP_CURRENT_ROLE
SQLValueFunction/SVFOP_SESSION_USER SQLValueFunction/SVFOP_USER SQLValueFunction/SVFOP_CURRENT_SCHEMA
SQLValueFunction/SVFOP_CURRENT_CATALOG SQLValueFunction/SVFOP_CURRENT_TIME SQLValueFunction/SVFOP_CURRENT_TIMESTAMP
SQLValueFunction/SVFOP_LOCALTIME SQLValueFunction/SVFOP_LOCALTIMESTAMP
FuncCall FuncCall/agg_star FuncCall/agg_distinct FuncCall/agg_within_group FuncCall/func_variadic
XmlExpr XmlExpr/IS_XMLCONCAT XmlExpr/IS_XMLELEMENT XmlExpr/IS_XMLFOREST XmlExpr/IS_XMLPARSE XmlExpr/IS_XMLPI XmlExpr/IS_XMLROOT
XmlExpr/IS_DOCUMENT XmlExpr/XMLOPTION_DOCUMENT XmlSerialize XmlSerialize/XMLOPTION_CONTENT XmlSerialize/XMLOPTION_DOCUMENT

InsertStmt InsertStmt/OVERRIDING_USER_VALUE InsertStmt/OVERRIDING_SYSTEM_VALUE OnConflictClause OnConflictClause/ONCONFLICT_NOTHING
OnConflictClause/ONCONFLICT_UPDATE InferClause IndexElem UpdateStmt MultiAssignRef SetToDefault CurrentOfExpr DeleteStmt
MergeStmt MergeWhenClause MergeWhenClause/MERGE_WHEN_MATCHED MergeWhenClause/MERGE_WHEN_NOT_MATCHED_BY_TARGET
MergeWhenClause/CMD_UPDATE MergeWhenClause/CMD_DELETE MergeWhenClause/CMD_INSERT MergeWhenClause/CMD_NOTHING

CopyStmt CopyStmt/is_from DefElem DefElem/format DefElem/delimiter DefElem/null DefElem/header DefElem/quote DefElem/escape
DefElem/force_quote DefElem/force_not_null DefElem/force_null DefElem/encoding
PrepareStmt ExecuteStmt DeallocateStmt DeallocateStmt/isall DeclareCursorStmt DeclareCursorStmt/SCROLL DeclareCursorStmt/HOLD
DeclareCursorStmt/BINARY FetchStmt FetchStmt/FETCH_FORWARD FetchStmt/FETCH_BACKWARD FetchStmt/FETCH_ABSOLUTE FetchStmt/FETCH_RELATIVE
FetchStmt/ismove ClosePortalStmt ExplainStmt DefElem/analyze DefElem/verbose DefElem/costs CreateTableAsStmt
CreateTableAsStmt/if_not_exists ViewStmt ViewStmt/replace ViewStmt/LOCAL_CHECK_OPTION
ViewStmt/CASCADED_CHECK_OPTION RefreshMatViewStmt VariableSetStmt VariableSetStmt/VAR_SET_VALUE
`
